#!/usr/bin/env python3
"""Writes tests/golden/onnx/torch_*: small networks exported by PyTorch: a residual one, one with
slices, one with gates and a channel shuffle, one with boxes and transposed convolutions; with the logits that PyTorch computes.
Needs Debian's python3-torch and python3-torchvision. usage: /usr/bin/python3 onnx_torch.py
With a folder it writes torchvision's ResNet-50 there instead, at opsets 11, 13 and 17: onnx_torch.py FOLDER; then
    test-onnx_golden FOLDER/resnet50_11 ...
compares. Those are 100 MB each, and so not in the repository."""
import pathlib
import shutil
import struct
import sys

import torch
from torch import nn


class Block(nn.Module):
    """A bottleneck with a projection shortcut."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 2 * width, 1, bias=False), nn.BatchNorm2d(2 * width)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, 2 * width, 1, stride, bias=False), nn.BatchNorm2d(2 * width))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.Sequential(Block(8, 4, 1), Block(8, 6, 2))
        self.average, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(12, 10)

    def forward(self, x):
        x = self.blocks(self.pool(torch.relu(self.bn1(self.conv1(x)))))
        return self.fc(torch.flatten(self.average(x), 1))


class Slices(nn.Module):
    """The paper's shortcut option A as it is usually written, some channels of a part of the picture, and a mirror."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 16, 3, 2, 1)
        self.fc = nn.Linear(5 * 4 * 6, 10)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x) + nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4)))
        return self.fc(torch.flatten(x[:, 1::3, 2:, :-1].flip(3), 1))


class Gate(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels, gate):
        super().__init__()
        self.fc1, self.fc2, self.gate = nn.Conv2d(channels, 3, 1), nn.Conv2d(3, channels, 1), gate

    def forward(self, x):
        return x * self.gate(self.fc2(torch.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Gates(nn.Module):
    """What SE-ResNet, ShuffleNet, EfficientNet and MobileNet v3 are made of: gates, a shuffle of channels, halves of them that
    go different ways, smooth activations."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 10, 3, 2, 1), nn.Conv2d(5, 5, 3, 1, 1, groups=5)
        self.soft, self.hard, self.fc = Gate(10, torch.sigmoid), Gate(10, nn.Hardsigmoid()), nn.Linear(10, 7)

    def forward(self, x):
        x = self.soft(nn.functional.silu(self.conv1(x)))
        a, b = x.split(5, 1)
        x = torch.cat((a, nn.functional.hardswish(self.conv2(b))), 1)
        N, C, H, W = x.shape
        x = x.reshape(N, 2, C // 2, H, W).transpose(1, 2).reshape(N, C, H, W)
        return self.fc(self.hard(x).mean((2, 3)))


class Boxes(nn.Module):
    """Boxes cut out of a map that has grown; one of them has no area, one is beyond the map. Then all of it grows in one and in three
    directions."""

    def __init__(self, align):
        super().__init__()
        self.align = align
        self.conv, self.grow = nn.Conv2d(3, 4, 3, 2, 1), nn.ConvTranspose2d(4, 6, (3, 2), (2, 3), (1, 0), (1, 2), groups=2)
        self.line = nn.ConvTranspose1d(18, 4, 3, 2, 1, dilation=2)
        self.deep = nn.ConvTranspose3d(6, 4, (3, 2, 2), (2, 1, 2), (1, 0, 0), (1, 0, 0), groups=2)
        self.fc = nn.Linear(4 * 9 + 4 * 6 * 5 * 2, 7)
        self.register_buffer("rois", torch.tensor([[0, 1.0, 2, 15, 20], [1, -3.5, 4, 9, 60], [0, 8, 8, 8, 8],
                                                   [1, 90, 90, 99, 97], [1, 2.25, 0, 40, 5.5]]))

    def forward(self, x):
        x = self.align(torch.relu(self.grow(torch.relu(self.conv(x)))), self.rois, (3, 4), 0.5, 2)
        return self.fc(torch.cat((self.line(x.reshape(5, 18, 4)).flatten(1),
                                  self.deep(x.unsqueeze(4)).flatten(1)), 1))


def tensor_proto(tensor):
    """A TensorProto of float32, written by hand: Debian has no Python package of ONNX."""
    def varint(n):
        return bytes([n]) if n < 128 else bytes([n % 128 + 128]) + varint(n // 128)
    data = struct.pack(f"<{tensor.numel()}f", *tensor.flatten().tolist())
    return b"".join(b"\x08" + varint(d) for d in tensor.shape) + b"\x10\x01\x4a" + varint(len(data)) + data


def write(net, x, folder, **options):
    data = folder / "test_data_set_0"
    shutil.rmtree(folder, ignore_errors=True)
    data.mkdir(parents=True)
    axes = {"dynamic_axes": {"image": {0: "batch"}, "logits": {0: "batch"}}, **options}
    torch.onnx.export(net, x, str(folder / "model.onnx"), input_names=["image"], output_names=["logits"], **axes)
    (data / "input_0.pb").write_bytes(tensor_proto(x))
    (data / "output_0.pb").write_bytes(tensor_proto(net(x)))


def make_ready(net):
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return net.eval()


torch.manual_seed(3)
with torch.no_grad():
    if len(sys.argv) > 1:
        import torchvision
        folder, net, x = pathlib.Path(sys.argv[1]) / "resnet50", torchvision.models.resnet50(), torch.randn(1, 3, 224, 224)
    else:
        folder, net, x = pathlib.Path(__file__).parent / "onnx" / "torch", Net(), torch.randn(1, 3, 37, 33)
    make_ready(net)
    for opset in 11, 13, 17:
        write(net, x, folder.with_name(f"{folder.name}_{opset}"), opset_version=opset)
    write(net, x, folder.with_name(f"{folder.name}_13_unfolded"), opset_version=13, do_constant_folding=False,
          training=torch.onnx.TrainingMode.PRESERVE)
    if len(sys.argv) == 1:
        write(Slices().eval(), torch.randn(1, 3, 11, 14), folder.with_name("torch_13_slices"), opset_version=13)
        torch.manual_seed(4)
        gates, x = Gates().eval(), 3 * torch.randn(1, 3, 9, 12)
        write(gates, x, folder.with_name("torch_13_gates"), opset_version=13)
        # Of one batch size, so that shapes are constants; and with HardSwish.
        write(gates, x, folder.with_name("torch_14_gates"), opset_version=14, dynamic_axes={})
        from torchvision.ops import roi_align
        torch.manual_seed(5)
        write(Boxes(roi_align).eval(), torch.randn(2, 3, 17, 13), folder.with_name("torch_13_boxes"), opset_version=13,
              dynamic_axes={})
