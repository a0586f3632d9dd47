#!/usr/bin/env python3
"""Writes object_steps.json: the loss and all gradients of a training step of networks that find objects, by torchvision's RetinaNet, its heads
and its losses in float64, from the weights and pictures of docs/random-weights.md. Of a gradient are kept its norm and products, as in steps.py.
And which object each anchor is of, by torchvision's matcher, for boxes of whole pixels, so that many overlaps are equal.

    python3 object_steps.py > object_steps.json

Needs Debian's python3-torch and python3-torchvision."""
import json
from collections import OrderedDict

import torch
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection import RetinaNet, _utils
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops import box_iou
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelP6P7

from logits import bounds, change, Cifar, fill, uniform
from steps import EPSILON, number, probe

# network, classes, side of the pictures, how many objects each has
CASES = [("retinanet_resnet8", 5, 64, (3, 0)), ("retinanet_resnet20", 11, 32, (1, 2, 5)), ("retinanet_resnet18_fpn", 4, 64, (2, 4))]
SMALL = (((10, 13, 16), (20, 25, 32), (40, 51, 64)), 64, 2)  # anchors, channels and depth of the networks for small pictures
MATCHES = 12


class Backbone(torch.nn.Module):
    def __init__(self, depth, stages, channels):
        super().__init__()
        net = change(Cifar(depth), "resnet", "A", 0)
        layers = [("conv1", net.conv1), ("bn1", net.bn1), ("relu", torch.nn.ReLU())] # it calls one module after the other
        layers += [(f"layer{i}", getattr(net, f"layer{i}")) for i in (1, 2, 3)]
        self.body = IntermediateLayerGetter(torch.nn.Sequential(OrderedDict(layers)), {f"layer{s}": str(s) for s in stages})
        self.fpn = FeaturePyramidNetwork([16 << s - 1 for s in stages], channels, LastLevelP6P7(channels, channels))
        self.out_channels = channels

    def forward(self, x):
        return self.fpn(self.body(x))


def small(depth, classes):
    sizes, channels, layers = SMALL
    head = RetinaNetHead(channels, 9, classes)
    for part in (head.classification_head, head.regression_head):
        part.conv = part.conv[:layers]
    return RetinaNet(Backbone(depth, (3,), channels), classes, head=head,
                     anchor_generator=AnchorGenerator(sizes, ((.5, 1., 2.),) * len(sizes)))


def build(name, classes):
    if name.endswith("_fpn"):
        body = resnet_fpn_backbone(backbone_name=name[10:-4], weights=None, norm_layer=torch.nn.BatchNorm2d, returned_layers=[2, 3, 4],
                                   extra_blocks=LastLevelP6P7(256, 256), trainable_layers=5)
        net = RetinaNet(body, classes)
    else:
        net = small(int(name[16:]), classes)
    net.double().train()
    state = net.state_dict()
    for key, tensor in state.items():
        shape = tuple(tensor.shape)
        of_convolution = key.endswith(".bias") and state[key[:-4] + "weight"].dim() == 4
        if shape:
            state[key] = fill(key, shape, *((-.1, .1) if of_convolution else bounds(key, shape)))
    net.load_state_dict(state)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eps = EPSILON
    return net


def boxes(picture, count, side, whole=False):
    """left, top, right, bottom: at most the lower right quarter of the picture begins a box, whose sides are an eighth to a half of the picture."""
    u = torch.from_numpy(uniform(f"boxes{picture}", 4 * count)).reshape(-1, 4)
    begin, size = u[:, :2] * side / 2, (u[:, 2:] * 3 + 1) * side / 8
    made = torch.cat([begin, begin + size], 1)
    return made.floor() if whole else made


def targets(counts, classes, side):
    made = []
    for i, count in enumerate(counts):
        labels = 1 + torch.floor(torch.from_numpy(uniform(f"labels{i}", count)) * (classes - 1)).long()
        made.append({"boxes": boxes(i, count, side), "labels": labels})
    return made


def step(name, classes, side, counts):
    net = build(name, classes)
    images = fill("input", (len(counts), 3, side, side), -1, 1)
    features = list(net.backbone(images).values())
    anchors = net.anchor_generator(ImageList(images, [(side, side)] * len(counts)), features)
    losses = net.compute_loss(targets(counts, classes, side), net.head(features), anchors)
    sum(losses.values()).backward()
    return {"model": name, "classes": classes, "side": side, "objects": counts, "loss": number(sum(losses.values()).item()),
            "gradients": {k: [number(v) for v in probe(p.grad)] for k, p in net.named_parameters()}}


def match(index, anchors, side):
    """Pairs of an anchor's number and its object's, of those that are not of the background. Every second set has two equal boxes."""
    count, made = 1 + index % 6, boxes(index, 1 + index % 6, side, True)
    if index % 2:
        made[-1] = made[0]
    found = _utils.Matcher(.5, .4, True)(box_iou(made, anchors))
    return {"picture": index, "objects": count, "side": side,
            "found": [[i, v] for i, v in enumerate(found.tolist()) if v != _utils.Matcher.BELOW_LOW_THRESHOLD]}


def matches():
    side, net = 64, small(8, 4).double()
    images = torch.zeros(1, 3, side, side, dtype=torch.float64)
    anchors = net.anchor_generator(ImageList(images, [(side, side)]), list(net.backbone(images).values()))[0]
    return [match(i, anchors, side) for i in range(MATCHES)]


if __name__ == "__main__":
    torch.manual_seed(1)
    print('{"steps": [' + ",\n".join(json.dumps(step(*case)) for case in CASES) + '],\n"matches": ['
          + ",\n".join(json.dumps(case) for case in matches()) + "]}")
