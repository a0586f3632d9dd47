#!/usr/bin/env python3
"""Writes logits.json: what PyTorch and torchvision compute for the networks of models/, from the weights and inputs of
docs/random-weights.md. Only seeds and results are kept: 40 logits of each image, and the norm of all.

    python3 logits.py >new.json             # all networks: about seven minutes of one processor
    python3 logits.py MODEL... >new.json    # computes these; takes the others from logits.json

Needs Debian's python3-torch and python3-torchvision, and timm 1.0 from PyPI for timm's networks. Computed in float64, so that the expected values carry no rounding errors of their own."""
import json
import math
import pathlib
import sys

import numpy as np
import torch
import torch.nn as nn
import torchvision
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

SEED = 1
KEPT = 40
MASK = (1 << 64) - 1


def uniform(name, count, seed=SEED):
    """u(name, 0 .. count-1) of docs/random-weights.md"""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) & MASK
    key ^= seed
    with np.errstate(over="ignore"):
        z = np.uint64(key) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) * 2.0**-24


def fill(name, shape, low, high):
    values = low + (high - low) * uniform(name, math.prod(shape))
    return torch.from_numpy(values.astype(np.float32).astype(np.float64).reshape(shape))


def bounds(name, shape):
    field = name.rsplit(".", 1)[1]
    if field == "bias" and name.split(".")[-2].startswith("fc"):
        return -0.1, 0.1
    if len(shape) == 4:
        high = math.sqrt(6 / (shape[1] * shape[2] * shape[3]))
        return -high, high
    if len(shape) == 2:
        return -1 / math.sqrt(shape[1]), 1 / math.sqrt(shape[1])
    return (0.5, 1.5) if field in ("weight", "running_var") else (-0.2, 0.2)


def randomize(net):
    net.double().eval()
    state = net.state_dict()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = fill(name, tuple(tensor.shape), *bounds(name, tuple(tensor.shape)))
    net.load_state_dict(state)
    return net


class OptionA(nn.Module):
    """Every stride-th row and column; zero channels, as many before as after."""

    def __init__(self, channels, stride):
        super().__init__()
        self.channels, self.stride = channels, stride

    def forward(self, x):
        x = x[:, :, :: self.stride, :: self.stride]
        pad = (self.channels - int(x.shape[1])) // 2 # a constant when it is exported
        return nn.functional.pad(x, (0, 0, 0, 0, pad, pad))


class Nothing(nn.Module):
    """The shortcut of a plain net."""

    def forward(self, x):
        return 0.0


def change(net, kind, shortcut, v1):
    """Makes torchvision's v1.5 net with option B what is asked for."""
    for name, block in net.named_modules():
        if not isinstance(block, (BasicBlock, Bottleneck)):
            continue
        last = block.conv3 if isinstance(block, Bottleneck) else block.conv2
        if v1:
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
        if kind == "plain":
            block.downsample = Nothing()
        elif shortcut == "A" and block.downsample is not None:
            block.downsample = OptionA(last.out_channels, block.stride)
        elif shortcut == "C" and block.downsample is None:
            channels = last.out_channels
            block.downsample = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
    return net


class Cifar(nn.Module):
    """Section 4.2 of the paper, from torchvision's blocks."""

    def __init__(self, depth, classes=10):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        channels = 16
        for stage, width in enumerate((16, 32, 64)):
            blocks = []
            for i in range((depth - 2) // 6):
                stride = 2 if stage and not i else 1
                down = None
                if stride == 2:
                    down = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))
                blocks.append(BasicBlock(channels, width, stride, down))
                channels = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


TABLE = {
    18: (BasicBlock, [2, 2, 2, 2]),
    34: (BasicBlock, [3, 4, 6, 3]),
    50: (Bottleneck, [3, 4, 6, 3]),
    101: (Bottleneck, [3, 4, 23, 3]),
    152: (Bottleneck, [3, 8, 36, 3]),
}

# model, shortcut ("": its usual one), v1, images, sizes. Image i is the same in every batch.
CASES = [
    ("resnet18", "", 0, 5, [(224, 224), (193, 257)]),
    ("resnet34", "", 0, 5, [(224, 224), (193, 257)]),
    ("resnet50", "", 0, 5, [(224, 224), (193, 257)]),
    ("resnet101", "", 0, 5, [(224, 224), (193, 257)]),
    ("resnet152", "", 0, 5, [(224, 224), (193, 257)]),
    ("resnet50", "", 1, 1, [(97, 64)]),
    ("resnet18", "A", 0, 1, [(97, 64)]),
    ("resnet18", "C", 0, 1, [(97, 64)]),
    ("resnet50", "A", 0, 1, [(97, 64)]),
    ("resnet50", "C", 1, 1, [(97, 64)]),
    ("plain18", "", 0, 1, [(97, 64)]),
    ("plain34", "", 0, 1, [(97, 64)]),
    ("resnet20", "A", 0, 3, [(32, 32), (45, 27)]),
    ("resnet20", "B", 0, 3, [(32, 32)]),
    ("resnet20", "C", 0, 3, [(32, 32)]),
    ("cifar-resnet50", "", 0, 3, [(32, 32)]),
    ("plain20", "", 0, 3, [(32, 32)]),
    ("resnext50_32x4d", "", 0, 1, [(97, 64)]),
    ("resnext101_64x4d", "", 0, 1, [(64, 64)]),
    ("wide_resnet50_2", "", 0, 1, [(97, 64)]),
    ("resnet18d", "", 0, 1, [(97, 64)]),
    ("resnet50d", "", 0, 1, [(97, 70)]),
    ("seresnet18", "", 0, 1, [(97, 64)]),
    ("seresnet50", "", 0, 1, [(97, 70)]),
    ("resnetblur18", "", 0, 1, [(97, 64)]),
    ("resnetblur50", "", 0, 1, [(97, 70)]),
    ("resnetaa50", "", 0, 1, [(97, 64)]),
    ("cifar-bottleneck50", "", 0, 3, [(32, 32)]),
    ("cifar-pooled18", "", 0, 3, [(32, 32)]),
    ("cifar-pooled50", "", 0, 3, [(45, 27)]),
]
TIMM = ("resnet18d", "resnet50d", "seresnet18", "seresnet50", "resnetblur18", "resnetblur50", "resnetaa50")


def small_pictures(depth, pooled):
    """Table 1's layers as kuangliu's pytorch-cifar (no max pool) and huyvnphan's PyTorch_CIFAR10 (pooled) have them."""
    net = ResNet(*TABLE[depth], num_classes=10)
    net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    if not pooled:
        net.maxpool = nn.Identity()
    return net


def build(name, shortcut, v1):
    if name in TIMM:
        import timm

        return randomize(timm.create_model(name))
    if hasattr(torchvision.models, name) and not name.startswith("resnet"):
        return randomize(getattr(torchvision.models, name)(weights=None))
    if "bottleneck" in name or "pooled" in name:
        return randomize(small_pictures(int(name[-2:]), "pooled" in name))
    kind = "plain" if "plain" in name else "resnet"
    depth = int(name.split(kind)[1])
    cifar = name.startswith("cifar-") or depth not in TABLE
    net = Cifar(depth) if cifar else ResNet(*TABLE[depth])
    return randomize(change(net, kind, shortcut or ("A" if cifar else "B"), v1))


def run(net, images, height, width):
    x = fill("input", (images, 3, height, width), -1, 1)
    with torch.no_grad():
        return torch.cat([net(x[i : i + 1]) for i in range(images)])


def main():
    wanted, kept = sys.argv[1:], {}
    if wanted:
        for case in json.loads((pathlib.Path(__file__).parent / "logits.json").read_text()):
            kept.setdefault((case["model"], case["shortcut"], case["v1"]), []).append(json.dumps(case))
    lines = []
    for name, shortcut, v1, images, sizes in CASES:
        if wanted and name not in wanted:
            lines += kept[name, shortcut, v1]
            continue
        net = build(name, shortcut, v1)
        for height, width in sizes:
            y = run(net, images, height, width)
            case = {"model": name, "shortcut": shortcut, "v1": v1, "seed": SEED, "height": height, "width": width}
            case["norms"] = [float(f"{v:.9g}") for v in y.norm(dim=1).tolist()]
            case["logits"] = [[float(f"{v:.7g}") for v in row] for row in y[:, :KEPT].tolist()]
            lines.append(json.dumps(case))
            print(name, shortcut, v1, height, width, case["norms"], file=sys.stderr, flush=True)
    print("[" + ",\n".join(lines) + "]")


if __name__ == "__main__":
    main()
