#!/usr/bin/env python3
"""Writes tests/golden/images/normalisation.txt: a picture made by a formula as torchvision prepares it with the means, deviations,
channel orders and ranges that published networks were trained with. Needs torch, torchvision, Pillow. Run it in tests/golden.
A line: the height and width of the picture, the fields to set, the hash of all bits, the mean of all values."""
import numpy as np
import torch
import torchvision.transforms as T
from PIL import Image

from images import fnv, formula

IMAGENET = (.485, .456, .406), (.229, .224, .225)
KUANGLIU = (.4914, .4822, .4465), (.2023, .1994, .2010)
EXACT = (.4914, .4822, .4465), (.2470, .2435, .2616)
CIFAR100 = (.5071, .4867, .4408), (.2675, .2565, .2761)
CAFFE = (104, 117, 123), (1, 1, 1)  # BGR
DETECTRON = (102.9801, 115.9465, 122.7717), (1, 1, 1)  # BGR
HALF = (.5, .5, .5), (.5, .5, .5)
NONE = (0, 0, 0), (1, 1, 1)


def prepare(image, resize, crop, numbers, filter=T.InterpolationMode.BILINEAR, bgr=False, whole=False):
    image = T.CenterCrop(crop)(T.Resize(resize, filter)(image))
    x = T.PILToTensor()(image).float() if whole else T.ToTensor()(image)
    if bgr:
        x = x[[2, 1, 0]]
    return T.Normalize(*numbers)(x)


BICUBIC = {"filter": T.InterpolationMode.BICUBIC}
CASES = [
    ("preset=cifar10", 32, 32, IMAGENET, {}),
    ("preset=cifar10-kuangliu", 32, 32, KUANGLIU, {}),
    ("preset=cifar10-exact", 32, 32, EXACT, {}),
    ("preset=cifar100", 32, 32, CIFAR100, {}),
    ("preset=cifar10;preset=half", 32, 32, HALF, {}),
    ("preset=cifar10;preset=unit", 32, 32, NONE, {}),
    ("preset=cifar10;preset=raw", 32, 32, NONE, {"whole": True}),
    ("preset=caffe", 256, 224, CAFFE, {"bgr": True, "whole": True}),
    ("preset=timm;preset=half", 235, 224, HALF, BICUBIC),
    ("preset=imagenet;channels=BGR", 256, 224, IMAGENET, {"bgr": True}),
    ("preset=cifar10;channels=bgr;range=255;mean=102.9801,115.9465,122.7717;std=1;resize=40;crop=36", 40, 36, DETECTRON,
     {"bgr": True, "whole": True}),
    ("preset=cifar10;mean=0.5;std=0.25,0.5,1;filter=bicubic;resize=48;crop=24", 48, 24, ((.5, .5, .5), (.25, .5, 1)),
     BICUBIC),
]

if __name__ == "__main__":
    with open("images/normalisation.txt", "w") as file:
        for height, width in ((33, 47), (60, 32)):
            for fields, resize, crop, numbers, options in CASES:
                x = prepare(formula(height, width), resize, crop, numbers, **options)
                data = np.ascontiguousarray(x.numpy().astype("<f4"))
                file.write(f"{height} {width} {fields} {fnv(data.tobytes()):016x} {data.astype(float).mean():.9g}\n")
