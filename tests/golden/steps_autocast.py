#!/usr/bin/env python3
"""Writes steps_autocast.json: a few steps of a small ResNet in float64, and how far PyTorch's own mixed precision (torch.autocast on a
processor) is from them. For each type: the relative errors of the losses, and of all gradients of the first step together (L2).
tests/train/train_narrow.c allows a small multiple of them.

Needs a PyTorch whose autocast knows float16 on processors (2.3 or later) and torchvision: python3 steps_autocast.py > steps_autocast.json"""
import json

import torch

import steps
from logits import build

STEPS = 5
SCALE = 2.0**14
NAME, BATCH, SIDE = "resnet8", 8, 16


def run(precision):
    """The losses, and the gradients of the first step as one vector."""
    net = build(NAME, "A", 0).train()
    if precision is not None:
        net = net.float()
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eps, layer.momentum = steps.EPSILON, steps.MOVING
    decayed = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": steps.DECAY}, {"params": others, "weight_decay": 0}],
                                lr=steps.RATE, momentum=steps.MOMENTUM, nesterov=True)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=steps.SMOOTHING)
    scale = SCALE if precision == torch.float16 else 1
    losses, gradients = [], None
    for step in range(STEPS):
        images, labels = steps.batch(step, BATCH, SIDE, net.fc.out_features)
        optimizer.zero_grad()
        if precision is None:
            loss = loss_of(net(images), labels)
        else:
            with torch.autocast("cpu", precision):
                logits = net(images.float())
            loss = loss_of(logits.float(), labels)
        (loss * scale).backward()
        for parameter in net.parameters():
            parameter.grad /= scale
        if step == 0:
            gradients = torch.cat([p.grad.double().flatten() for p in net.parameters()])
        optimizer.step()
        losses.append(loss.item())
    return losses, gradients


if __name__ == "__main__":
    losses, gradients = run(None)
    found = {"losses": losses}
    for name, precision in (("bf16", torch.bfloat16), ("f16", torch.float16)):
        ours, mixed = run(precision)
        found[name] = {"losses": [float(f"{abs(a / b - 1):.3g}") for a, b in zip(ours, losses)],
                       "gradients": float(f"{((mixed - gradients).norm() / gradients.norm()).item():.3g}")}
    print(json.dumps(found, indent=1))
