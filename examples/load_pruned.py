#!/usr/bin/env python3
"""load_pruned.py - a CIFAR network that Shunt has saved, whole or without some of its blocks, in PyTorch.

    python3 examples/load_pruned.py small.safetensors [pictures.npy]

Prints the ten logits of each picture: those of an N x 3 x 32 x 32 float32 array, preprocessed, or of three pictures that every
language can make: x[i] = sin(0.37 i). Needs PyTorch and NumPy only.
"""
import json
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def load(path):
    """The tensors and the network's description: safetensors is a length, a JSON header, and the tensors' bytes."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), bytearray(file.read())
    text = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        assert entry["dtype"] == "F32", f"{name} is {entry['dtype']}; convert the file with --dtype f32"
        tensors[name] = torch.frombuffer(data[begin:end], dtype=torch.float32).reshape(entry["shape"])
    return tensors, json.loads(text["model"])


class Block(nn.Module):
    """Two 3x3 convolutions. A shortcut of option A takes every second row and column and adds channels of zeros."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride, self.more = stride, channels - channels_in

    def forward(self, x):
        residual = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        shortcut = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.more // 2, self.more - self.more // 2))
        return torch.relu(shortcut + residual)


class Network(nn.Module):
    """The paper's network for CIFAR with any number of blocks in each stage, under torchvision's names."""

    def __init__(self, blocks, classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        channels = 16
        for stage, count in enumerate(blocks):
            width = 16 << stage
            layers = [Block(channels if i == 0 else width, width, 2 if i == 0 and stage else 1) for i in range(count)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
            channels = width if count else channels
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def blocks_of(name):
    """ "resnet56" has nine blocks in each stage, "resnet56-5-3-8" has those that the numbers say."""
    depth, *left = name.removeprefix("cifar-").removeprefix("resnet").split("-")
    return [int(count) for count in left] or 3 * [(int(depth) - 2) // 6]


def main():
    tensors, model = load(sys.argv[1])
    assert model["shortcut"] == "A", "this script has shortcuts of option A only"
    network = Network(blocks_of(model["name"]), model["classes"])
    missing, unexpected = network.load_state_dict(tensors, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
    if len(sys.argv) > 2:
        pictures = torch.from_numpy(np.load(sys.argv[2]))
    else:
        pictures = torch.from_numpy(np.sin(0.37 * np.arange(3 * 3 * 32 * 32)).astype(np.float32).reshape(3, 3, 32, 32))
    with torch.no_grad():
        for logits in network.eval()(pictures):
            print(" ".join(f"{value:.6f}" for value in logits.tolist()))


if __name__ == "__main__":
    main()
