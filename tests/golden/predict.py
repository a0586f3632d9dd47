#!/usr/bin/python3
"""Writes predict.json: the probabilities that PyTorch gives for pictures made by a formula, with weights made by another
(docs/random-weights.md), averaged over crops, sizes and networks. Whole pictures are evaluated fully convolutionally: the
classifier as a 1x1 convolution over the last map, its scores averaged.

Run with Debian's python3-torch and python3-torchvision in tests/golden: python3 predict.py > predict.json"""
import json

import torch
import torchvision.transforms as T

import logits
from images import formula

PICTURES = (40, 60), (60, 40), (33, 33), (60, 40), (32, 47)
CROP = 16
NORM = T.Compose([T.ToTensor(), T.Normalize((.485, .456, .406), (.229, .224, .225))])
MODE = {'bilinear': T.InterpolationMode.BILINEAR, 'bicubic': T.InterpolationMode.BICUBIC}


def network(depth, seed):
    logits.uniform.__defaults__ = (seed,)
    return logits.randomize(logits.change(logits.Cifar(depth), 'resnet', 'A', False))


def fully_convolutional(net, x):
    x = torch.relu(net.bn1(net.conv1(x)))
    x = net.layer3(net.layer2(net.layer1(x)))
    scores = torch.nn.functional.conv2d(x, net.fc.weight[:, :, None, None], net.fc.bias)
    return scores.mean((2, 3))


def probabilities(net, image, resize, mode, crops):
    image = T.Resize(resize, MODE[mode])(image)
    if crops == 'whole':
        return fully_convolutional(net, NORM(image).double()[None]).softmax(1).mean(0)
    views = T.TenCrop(CROP)(image) if crops == 'ten' else [T.CenterCrop(CROP)(image)]
    return net(torch.stack([NORM(view).double() for view in views])).softmax(1).mean(0)


def case(crops, nets, sides=None):
    """nets: (depth, seed, resize, mode) of each."""
    made = [(network(depth, seed), resize, mode) for depth, seed, resize, mode in nets]
    rows = []
    for size in PICTURES:
        parts = [probabilities(net, formula(*size), side, mode, crops) for net, resize, mode in made
                 for side in sides or [resize]]
        rows.append([round(p, 9) for p in torch.stack(parts).mean(0).tolist()])
    return {'crops': ('centre', 'ten', 'whole').index(crops), 'sides': sides or [], 'probabilities': rows,
            'nets': [{'name': 'resnet%d' % n[0], 'seed': n[1], 'resize': n[2], 'filter': n[3]} for n in nets]}


with torch.no_grad():
    small, other, deep = (8, 1, 20, 'bilinear'), (8, 2, 18, 'bicubic'), (14, 1, 20, 'bilinear')
    result = {'pictures': PICTURES, 'cases': [
        case('centre', [small]), case('ten', [small]), case('whole', [small], [16, 20, 25]), case('centre', [small, other, deep]),
        case('ten', [other, deep], [17, 22]), case('whole', [small, deep])]}
print(json.dumps(result))
