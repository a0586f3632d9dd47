#!/usr/bin/python3
"""How exact float32 can be for a network with random weights (docs/random-weights.md). Compares the logits of PyTorch's float32 (with
oneDNN and with its plain loops) and of Shunt's devices with float64 and the same weights. Then it changes each channel of the
first layer by about 1e-9 of itself, and prints how much larger the relative change of the logits is. conditioning.py FILE_LOGITS NETWORK DEVICE...; it needs
timm."""
import copy
import pathlib
import sys
import tempfile

import timm
import torch

from same_weights import build, fill, largest, random_net, shunt

CHANGE = 1e-9


def by_formula(name):
    return build(name, "", 0).eval(), fill("input", (2, 3, 64, 64), -1, 1)


def by_default(name):
    torch.manual_seed(0)
    return timm.create_model(name).double().eval(), fill("input", (2, 3, 64, 64), -2, 2)


def amplification(net, x, exact):
    """The change of the logits over that of the first layer's channels, the mean of ten."""
    generator = torch.Generator().manual_seed(1)

    def change(module, inputs, output):
        noise = torch.randn((1, output.shape[1], 1, 1), generator=generator, dtype=torch.float64)
        return output * (1 + CHANGE * noise)

    handle = net.conv1.register_forward_hook(change)
    changes = [largest(net(x), exact) / CHANGE for _ in range(10)]
    handle.remove()
    return sum(changes) / len(changes)


def gates(net, x):
    """The size (root mean square) of what goes into each sigmoid of a squeeze-and-excitation block."""
    sizes = []
    for name, module in net.named_modules():
        if name.endswith("se.fc2"):
            module.register_forward_hook(lambda _m, _i, output: sizes.append(float(output.square().mean().sqrt())))
    net(x)
    return sizes


def report(what, name, net, x, program, devices):
    single = copy.deepcopy(net).eval().float()
    net = copy.deepcopy(single).double()  # the weights as a file has them
    exact = net(x)
    found = {"PyTorch, oneDNN": largest(single(x.float()).double(), exact)}
    with torch.backends.mkldnn.flags(enabled=False):
        found["PyTorch, plain"] = largest(single(x.float()).double(), exact)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "weights.pth"
        torch.save(single.state_dict(), file)
        for device in devices:
            found[device] = largest(shunt(program, device, name, pathlib.Path(folder), x.float(), [file])[0], exact)
    print(f"{name}, {what}: " + ", ".join(f"{who} {error:.1e}" for who, error in found.items()))
    print(f"    a change of the first layer's channels grows {amplification(net, x, exact):.1f} times")
    sizes = gates(net, x)
    if sizes:
        print("    into the sigmoids: " + " ".join(f"{size:.1f}" for size in sizes))


def main(program, name, *devices):
    torch.set_num_threads(1)
    with torch.no_grad():
        for what, make in ("by formula", by_formula), ("with statistics of two batches", random_net), ("initialised by timm", by_default):
            net, x = make(name)
            report(what, name, net, x, program, devices)


if __name__ == "__main__":
    main(*sys.argv[1:])
