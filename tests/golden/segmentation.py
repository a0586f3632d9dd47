#!/usr/bin/env python3
"""Writes segmentation.json: what torchvision computes for its networks that label pixels, from the weights and inputs of
docs/random-weights.md, in float64. Of each image are kept 40 scores, evenly spread over all of them, and the norm of all.

    python3 segmentation.py >segmentation.json      # two minutes of one processor

Needs Debian's python3-torch and python3-torchvision."""
import json

import torch
from torchvision.models import segmentation

from logits import KEPT, SEED, bounds, fill

CASES = [("fcn_resnet50", 2, [(97, 64), (64, 81)]), ("fcn_resnet101", 1, [(65, 64)]),
         ("deeplabv3_resnet50", 2, [(97, 64), (64, 81)]), ("deeplabv3_resnet101", 1, [(65, 64)])]


def build(name):
    net = getattr(segmentation, name)(weights=None, weights_backbone=None, aux_loss=True).double().eval()
    state = net.state_dict()
    for key, tensor in state.items():
        shape = tuple(tensor.shape)
        low, high = (-0.1, 0.1) if key.endswith("classifier.4.bias") else bounds(key, shape) if shape else (0, 0)
        if shape:
            state[key] = fill(key, shape, low, high)
    net.load_state_dict(state)
    return net


def kept(scores):
    flat = scores.flatten()
    return flat[[i * (len(flat) - 1) // (KEPT - 1) for i in range(KEPT)]].tolist()


def main():
    lines = []
    for name, images, sizes in CASES:
        net = build(name)
        for height, width in sizes:
            with torch.no_grad():
                out = net(fill("input", (images, 3, height, width), -1, 1))["out"]
            lines.append(json.dumps({"model": name, "seed": SEED, "height": height, "width": width,
                                     "classes": out.shape[1],
                                     "norms": [float(f"{image.norm().item():.9g}") for image in out],
                                     "scores": [[float(f"{v:.7g}") for v in kept(image)] for image in out]}))
    print("[" + ",\n".join(lines) + "]")


if __name__ == "__main__":
    main()
