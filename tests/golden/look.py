#!/usr/bin/env python3
"""Writes look.json: what PyTorch in float64 sees inside of networks with the weights of docs/random-weights.md, on the pictures
of a data set in CIFAR-10's format made by the same formula: the deviation of each 3x3 convolution's output after batch norm, the
norm of each gradient of the mean loss of all pictures, logits of networks with blocks taken out, and how many pictures they get
wrong.

Run with Debian's python3-torch and python3-torchvision: python3 look.py > look.json"""
import json

import numpy as np
import torch

from logits import build, uniform

PICTURES = 6
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# model, shortcut, lists of blocks to take out, blocks that each are taken out to count errors
CASES = [
    ("resnet20", "A", [["layer1.1"], ["layer2.0"], ["layer1.0", "layer3.0", "layer3.2"]]),
    ("resnet14", "B", [["layer3.0"], ["layer1.0", "layer2.1"]], "layer1.0 layer1.1 layer2.0 layer2.1 layer3.0 layer3.1"),
    ("resnet14", "C", [["layer2.1"], ["layer1.0", "layer2.0"]]),
    ("plain14", "", [["layer1.0"], ["layer2.1", "layer3.1"]], "layer1.0 layer1.1 layer2.1 layer3.1"),
    ("resnet50", "", [["layer1.0"], ["layer3.4", "layer4.2"]]),
]


def pictures():
    labels = np.floor(10 * uniform("labels", PICTURES)).astype(np.int64)
    rgb = np.floor(256 * uniform("pictures", PICTURES * 3072)).reshape(PICTURES, 3, 32, 32)
    return normalize(rgb), torch.from_numpy(labels)


def normalize(rgb):
    x = torch.from_numpy(rgb) / 255
    return (x - torch.tensor(MEAN)[:, None, None].double()) / torch.tensor(STD)[:, None, None].double()


class Responses:
    """Sums over what each 3x3 convolution's batch norm gives, before anything changes it in place."""

    def __init__(self, net):
        self.sums = {}
        for name, module in net.named_modules():
            conv = dict(net.named_modules()).get(name.replace("bn", "conv"))
            if "bn" in name and conv.kernel_size == (3, 3):
                module.register_forward_hook(lambda m, i, y, name=name.replace("bn", "conv"): self.add(name, y))

    def add(self, name, y):
        y = y.detach().double()
        old = self.sums.get(name, (0, 0.0, 0.0))
        self.sums[name] = (old[0] + y.numel(), old[1] + y.sum().item(), old[2] + (y * y).sum().item())

    def deviations(self):
        return {name: (s2 / n - (s1 / n) ** 2) ** 0.5 for name, (n, s1, s2) in self.sums.items()}


def take_out(net, names):
    """Each of these blocks gives what its shortcut gives."""
    for name in names:
        block = net.get_submodule(name)
        down = block.downsample
        plain = type(down).__name__ == "Nothing"
        block.forward = lambda x, down=down: x if plain or down is None else torch.relu(down(x))
    return net


def gradients(net, images, labels):
    net.train()
    loss = torch.nn.functional.cross_entropy(net(images), labels)
    loss.backward()
    return loss.item(), {name: p.grad.norm().item() for name, p in net.named_parameters()}


def number(value):
    return float(f"{value:.9g}")


def shorten(values):
    return {name: number(value) for name, value in values.items()}


def case(name, shortcut, lesions, singles=""):
    images, labels = pictures()
    made = {"model": name, "shortcut": shortcut, "lesions": []}
    with torch.no_grad():
        net = build(name, shortcut, 0)
        responses = Responses(net)
        net(images)
        made["deviations"] = shorten(responses.deviations())
        for blocks in lesions:
            logits = take_out(build(name, shortcut, 0), blocks)(images)[:, :10].reshape(-1)
            made["lesions"].append({"blocks": blocks, "norm": number(logits.norm()),
                                    "logits": [number(v) for v in logits[:20].tolist()]})
        wrong = lambda blocks: int((take_out(build(name, shortcut, 0), blocks)(images).argmax(1) != labels).sum())
        made["wrong"], made["singles"] = wrong([]), {block: wrong([block]) for block in singles.split()}
    if name != "resnet50":  # 1000 classes are no CIFAR-10
        loss, norms = gradients(build(name, shortcut, 0), images, labels)
        made["loss"], made["gradients"] = number(loss), shorten(norms)
    return json.dumps(made)


if __name__ == "__main__":
    print("[" + ",\n".join(case(*c) for c in CASES) + "]")
