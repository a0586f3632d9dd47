#!/usr/bin/env python3
"""The tensors of two safetensors files. tensors.py set FOLDER [EACH]: writes a small set of pictures in CIFAR-10's format, EACH in a
file, whose classes can be told apart. tensors.py same A B: fails unless they have the same bits. tensors.py near A B TOLERANCE: fails
unless each tensor differs by at most TOLERANCE of its norm."""
import array
import json
import math
import os
import random
import struct
import sys


def load(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), file.read()
    return {name: data[slice(*about["data_offsets"])] for name, about in header.items() if name != "__metadata__"}


def apart(a, b):
    a, b = array.array("f", a), array.array("f", b)
    norm = math.sqrt(sum(x * x for x in a))
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b))) / (norm or 1)


def put_set(folder, each=60):
    os.makedirs(folder)
    dice = random.Random(1)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    for number, name in enumerate(names):
        with open(os.path.join(folder, name), "wb") as file:
            for i in range(number * each, (number + 1) * each):
                label = i * 7 % 10
                rows = b"".join(bytes(dice.randrange(100) + (150 if y * 10 // 32 == label else 0) for _ in range(32)) for y in range(32))
                file.write(bytes([label]) + rows * 3)


def main():
    if sys.argv[1] == "set":
        return put_set(*sys.argv[2:3], *map(int, sys.argv[3:]))
    a, b = load(sys.argv[2]), load(sys.argv[3])
    if a.keys() != b.keys():
        sys.exit("the files have other tensors")
    if sys.argv[1] == "same":
        differing = [name for name in a if a[name] != b[name]]
        if differing:
            sys.exit(f"{len(differing)} of {len(a)} tensors differ, the first {differing[0]}")
        return None
    worst = max((apart(a[name], b[name]), name) for name in a)
    print("%.2e at %s" % worst)
    return None if worst[0] <= float(sys.argv[4]) else sys.exit("more than " + sys.argv[4])


main()
