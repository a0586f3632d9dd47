#!/usr/bin/env python3
"""Writes tests/golden/onnx/runtime_lrn: a small network after GoogLeNet of 2014, whose local response normalisation stands
before and after its first convolutions, exported by PyTorch, with the logits of ONNX Runtime. PyTorch writes the operator LRN
only when it is told to, as here; else it writes the sum as a three-dimensional AveragePool, and a Pow.
Needs the PyPI packages torch, onnxruntime, onnx and numpy. usage: onnx_lrn.py"""
import pathlib
import shutil

import numpy as np
import onnxruntime
import torch
from onnx import numpy_helper
from torch import nn


class Lrn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, size, alpha, beta, bias):
        return nn.functional.local_response_norm(x, size, alpha, beta, bias)

    @staticmethod
    def symbolic(g, x, size, alpha, beta, bias):
        return g.op("LRN", x, size_i=size, alpha_f=alpha, beta_f=beta, bias_f=bias)


class Inception(nn.Module):
    """1 x 1, 3 x 3, 5 x 5 and a pool side by side."""

    def __init__(self, inputs):
        super().__init__()
        self.branches = nn.ModuleList([
            nn.Conv2d(inputs, 5, 1), nn.Sequential(nn.Conv2d(inputs, 3, 1), nn.ReLU(), nn.Conv2d(3, 6, 3, padding=1)),
            nn.Sequential(nn.Conv2d(inputs, 2, 1), nn.ReLU(), nn.Conv2d(2, 3, 5, padding=2)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(inputs, 4, 1))])

    def forward(self, x):
        return torch.relu(torch.cat([branch(x) for branch in self.branches], 1))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(3, 11, 7, 2, 3), nn.Conv2d(11, 8, 1), nn.Conv2d(8, 18, 3, padding=1)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception, self.dropout, self.fc = Inception(18), nn.Dropout(), nn.Linear(18, 10)

    def forward(self, x):
        x = Lrn.apply(self.pool(torch.relu(self.conv1(x))), 5, 0.5, 0.75, 1.0)
        x = torch.relu(self.conv3(torch.relu(self.conv2(x))))
        x = self.inception(self.pool(Lrn.apply(x, 3, 2.0, 0.6, 0.25)))
        return self.fc(self.dropout(x.mean((2, 3))))


folder = pathlib.Path(__file__).parent / "onnx" / "runtime_lrn"
shutil.rmtree(folder, ignore_errors=True)
data = folder / "test_data_set_0"
data.mkdir(parents=True)
torch.manual_seed(5)
image = torch.randn(1, 3, 31, 27)
torch.onnx.export(Net().eval(), image, str(folder / "model.onnx"), input_names=["image"], output_names=["logits"], opset_version=13)
session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
logits, = session.run(None, {"image": image.numpy()})
print("logits", np.abs(logits).min(), "to", np.abs(logits).max())
(data / "input_0.pb").write_bytes(numpy_helper.from_array(image.numpy()).SerializeToString())
(data / "output_0.pb").write_bytes(numpy_helper.from_array(logits).SerializeToString())
