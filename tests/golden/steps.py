#!/usr/bin/env python3
"""Writes steps.json: ten steps of SGD by PyTorch in float64, from the weights and pictures of docs/random-weights.md.
Of a tensor only its norm and its products with PROBES vectors of +-1 are kept: the root mean square of their errors is, on the
average over such vectors, the L2 norm of the tensor's error.

Run with Debian's python3-torch and python3-torchvision, and timm for LARS: python3 steps.py > steps.json"""
import json
import sys

import numpy as np
import torch

from logits import build, fill, uniform

STEPS = 10
PROBES = 8
# Powers of two and the like, and the epsilon that a float32 is: the same numbers in C.
RATE, MOMENTUM, DECAY, SMOOTHING, MOVING = 2**-5, 0.875, 2**-10, 0.125, 0.125
EPSILON = float(np.float32(1e-5))

# model, shortcut, batch, side, Nesterov, the coefficient of trust of LARS or None, parts of a step
CASES = [("resnet20", "A", 32, 32, True, None, 1), ("resnet20", "B", 32, 32, False, None, 1), ("resnet18", "", 4, 224, False, None, 1),
         ("resnet20", "A", 4, 32, False, 2**-3, 1), ("resnet20", "A", 12, 32, True, None, 3)]


def probe(tensor):
    flat = tensor.detach().numpy().reshape(-1)
    signs = [np.where(uniform(f"probe{j}", flat.size) < 0.5, -1.0, 1.0) for j in range(PROBES)]
    return [float(np.linalg.norm(flat))] + [float(s @ flat) for s in signs]


def batch(step, n, side, classes):
    images = fill(f"input{step}", (n, 3, side, side), -1, 1)
    return images, torch.from_numpy(np.floor(classes * uniform(f"labels{step}", n)).astype(np.int64))


def make_optimizer(groups, nesterov, lars):
    if lars is None:
        return torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM, nesterov=nesterov)
    from timm.optim.lars import Lars
    return Lars(groups, lr=RATE, momentum=MOMENTUM, nesterov=nesterov, trust_coeff=lars, eps=0)


def run_parts(net, loss_of, images, labels, parts):
    """The gradient of the mean loss over the parts, each with the statistics of its own. The running ones become the mean of what each
    part makes of those before the step, as the mean over processes that each have one part."""
    buffers = {k: v for k, v in net.named_buffers() if "running" in k}
    before, after = {k: v.clone() for k, v in buffers.items()}, {k: torch.zeros_like(v) for k, v in buffers.items()}
    total = 0
    for part_images, part_labels in zip(images.chunk(parts), labels.chunk(parts)):
        loss = loss_of(net(part_images), part_labels) / parts
        loss.backward()
        total += loss.item()
        for k, v in buffers.items():
            after[k] += v / parts
            v.copy_(before[k])
    for k, v in buffers.items():
        v.copy_(after[k])
    return total


def train(name, shortcut, n, side, nesterov, lars, parts):
    net = build(name, shortcut, 0).train()
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eps, layer.momentum = EPSILON, MOVING
    classes = net.fc.out_features
    decayed = [p for k, p in net.named_parameters() if p.dim() > 1]
    others = [p for k, p in net.named_parameters() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0}]
    optimizer = make_optimizer(groups, nesterov, lars)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    case = {"model": name, "shortcut": shortcut, "batch": n, "side": side, "nesterov": int(nesterov), "losses": []}
    if lars is not None:
        case["lars"] = lars
    if parts > 1:
        case["parts"] = parts
    for step in range(STEPS):
        images, labels = batch(step, n, side, classes)
        optimizer.zero_grad()
        loss = run_parts(net, loss_of, images, labels, parts)
        if step == 0:
            case["gradients"] = {k: probe(p.grad) for k, p in net.named_parameters()}
        optimizer.step()
        case["losses"].append(loss)
        print(name, shortcut, step, loss, file=sys.stderr, flush=True)
    case["state"] = {k: probe(v) for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    return case


def number(value):
    return float(f"{value:.12g}")


def shorten(case):
    for field in ("gradients", "state"):
        case[field] = {k: [number(v) for v in values] for k, values in case[field].items()}
    return json.dumps(case)


if __name__ == "__main__":
    print("[" + ",\n".join(shorten(train(*case)) for case in CASES) + "]")
