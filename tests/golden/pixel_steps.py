#!/usr/bin/env python3
"""Writes pixel_steps.json: the loss and all gradients of a training step of networks that label pixels, by torchvision's DeepLabV3 head, or
FCN's with a context module before it, on the paper's networks for CIFAR, and PyTorch's autograd in float64, from the weights and pictures of docs/random-weights.md. Of a gradient are kept its
norm and products, as in steps.py. A fifth of the pixels has no class.

    python3 pixel_steps.py > pixel_steps.json

Needs Debian's python3-torch and python3-torchvision."""
import json
from collections import OrderedDict

import numpy as np
import torch
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.segmentation.deeplabv3 import DeepLabHead
from torchvision.models.segmentation.fcn import FCN

from logits import bounds, change, Cifar, fill, uniform
from steps import EPSILON, number, probe

NO_CLASS = 255
# head, depth, classes, batch, height, width, the weight of the second head or None, label smoothing
CASES = [("fcn", 8, 5, 2, 24, 20, .5, 0), ("fcn", 20, 11, 2, 20, 21, None, .125), ("deeplabv3", 8, 4, 3, 16, 24, None, 0)]


def unit(channels, dilation=1):
    conv = torch.nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
    return [conv, torch.nn.BatchNorm2d(channels), torch.nn.ReLU()]


def fcn_head(channels, classes):
    """torchvision's FCNHead, whose first convolution keeps the number of channels."""
    return torch.nn.Sequential(*unit(channels), torch.nn.Identity(), torch.nn.Conv2d(channels, classes, 1))


class InContext(FCN):
    """With a context module between backbone and head."""
    def __init__(self, backbone, classes, second):
        super().__init__(backbone, fcn_head(64, classes), second)
        self.context = torch.nn.ModuleList(torch.nn.Sequential(*unit(64, dilation)) for dilation in (2, 4))
        inner = self.classifier.forward
        self.classifier.forward = lambda x: inner(self.context[1](self.context[0](x)))


def build(head, depth, classes, second):
    kept = {"layer3": "out", "layer2": "aux"} if second else {"layer3": "out"}
    net = change(Cifar(depth), "resnet", "A", 0)
    layers = [("conv1", net.conv1), ("bn1", net.bn1), ("relu", torch.nn.ReLU())] # it calls one module after the other
    layers += [(f"layer{i}", getattr(net, f"layer{i}")) for i in (1, 2, 3)]
    backbone = IntermediateLayerGetter(torch.nn.Sequential(OrderedDict(layers)), kept)
    second = fcn_head(32, classes) if second else None
    net = InContext(backbone, classes, second) if head == "fcn" else FCN(backbone, DeepLabHead(64, classes), second)
    net = net.double().train()
    state = net.state_dict()
    for key, tensor in state.items():
        shape = tuple(tensor.shape)
        if shape:
            state[key] = fill(key, shape, *((-.1, .1) if key.endswith("classifier.4.bias") else bounds(key, shape)))
    net.load_state_dict(state)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eps = EPSILON
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0 # Shunt's networks have none
    return net


def step(head, depth, classes, batch, height, width, second, smoothing):
    net = build(head, depth, classes, second)
    shape = (batch, height, width)
    labels = np.floor(classes * uniform("labels", batch * height * width)).astype(np.int64).reshape(shape)
    labels[uniform("ignored", labels.size).reshape(shape) < .2] = NO_CLASS
    loss_of = torch.nn.CrossEntropyLoss(ignore_index=NO_CLASS, label_smoothing=smoothing)
    out = net(fill("input", (batch, 3, height, width), -1, 1))
    loss = loss_of(out["out"], torch.from_numpy(labels))
    if second:
        loss = loss + second * loss_of(out["aux"], torch.from_numpy(labels))
    loss.backward()
    return {"model": f"{head}_resnet{depth}", "classes": classes, "batch": batch, "height": height, "width": width,
            "auxiliary": second or 0, "smoothing": smoothing, "loss": number(loss.item()),
            "gradients": {k: [number(v) for v in probe(p.grad)] for k, p in net.named_parameters()}}


if __name__ == "__main__":
    print("[" + ",\n".join(json.dumps(step(*case)) for case in CASES) + "]")
