#!/usr/bin/python3
"""Writes tests/golden/torch: files as PyTorch (Debian's, 1.13) saves them, and files.json with what it reads from them."""
import collections
import io
import json
import os
import warnings
import zipfile

import torch

warnings.filterwarnings("ignore")
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch")
os.makedirs(here, exist_ok=True)
torch.manual_seed(1)
expected = {}

base = torch.arange(24.0) - 7
everything = collections.OrderedDict(
    plain=torch.randn(2, 3, 2, 2),
    transposed=torch.arange(12.0).reshape(3, 4).t(),
    permuted=torch.randn(2, 3, 4).permute(2, 0, 1),
    shared=base[2:8].reshape(2, 3),  # these three are of one storage
    every_third=base[1::3],
    last=base[23],
    expanded=torch.tensor([[2.5], [-1.0]]).expand(2, 3),
    half=torch.tensor([1.0, -0.5, 65504.0, 6e-8, float("inf")]).half(),
    half_t=torch.randn(2, 3).half().t(),
    bfloat=torch.randn(3, 2).bfloat16(),
    double=torch.randn(4, dtype=torch.float64),
    counter=torch.tensor(1234567890123),
    int32=torch.tensor([-5, 7], dtype=torch.int32),
    int16=torch.tensor([-5, 300], dtype=torch.int16),
    int8=torch.tensor([-5, 100], dtype=torch.int8),
    uint8=torch.tensor([5, 200], dtype=torch.uint8),
    flag=torch.tensor([True, False, True]),
    empty=torch.empty(0, 3),
    parameter=torch.nn.Parameter(torch.randn(2, 2)),
    last_channels=torch.randn(1, 2, 3, 3).to(memory_format=torch.channels_last),
)


def described(tensors):
    kinds = {torch.float32: "f32", torch.float64: "f64", torch.float16: "f16", torch.bfloat16: "bf16", torch.int64: "i64",
             torch.int32: "i32", torch.int16: "i16", torch.int8: "i8", torch.uint8: "u8", torch.bool: "bool"}
    return {name: {"dtype": kinds[t.dtype], "shape": list(t.shape),
                   "values": ["inf" if v == float("inf") else v for v in t.detach().double().flatten().tolist()]}
            for name, t in tensors.items()}


def save(name, obj, tensors, **how):
    path = os.path.join(here, name)
    torch.save(obj, path, **how)
    assert torch.load(path).keys() == obj.keys()
    expected[name] = described(tensors)


legacy = {"_use_new_zipfile_serialization": False}
save("zip.pth", everything, everything)
save("legacy.pth", everything, everything, **legacy)

some = {name: everything[name] for name in ("plain", "every_third", "half", "counter", "parameter")}
module = {"module." + name: tensor for name, tensor in some.items()}
checkpoint = {"epoch": 3, "best": 91.25, "args": [None, True, "text", b"bytes", {1, 2}, -70000, 2**40, 2**100],
              "state_dict": module, "optimizer": {"state": {0: {"momentum": torch.zeros(3)}}}}
save("nested.pth", checkpoint, module)
save("nested-legacy.pth", checkpoint, module, **legacy)
save("protocol4.pth", {"model": {"state_dict": some}}, some, pickle_protocol=4)
save("protocol5-legacy.pth", {"net": some, "acc": 1}, some, pickle_protocol=5, **legacy)

# What trainers put beside the state dict: a tensor, as pytorch/examples' imagenet/main.py does, weights of classes, momenta
# of an optimizer, an average of the network; and two networks of which one is much larger.
layers = {"conv1.weight": everything["plain"], "bn1.bias": everything["double"], "bn1.num_batches_tracked": everything["counter"]}
more = {name + "." + key: tensor for name in ("a", "b") for key, tensor in layers.items()}
momenta = {"state": {i: {"exp_avg": torch.ones(i + 1), "exp_avg_sq": torch.ones(i + 1)} for i in range(9)}}
save("beside.pth", {"epoch": 90, "arch": "resnet20", "best_acc1": torch.tensor(71.25), "weight": torch.ones(10),
                    "optimizer": momenta, "state_dict": layers, "scheduler": {"warm.weight": torch.ones(1)}}, layers)
save("average.pth", {"ema": {"shadow": more}, "model": {"config": {"depth": 20}, "state_dict": more}, "step": torch.tensor(5)},
     more)
moved = {name: tensor.clone() + 1 for name, tensor in more.items()}
save("ema.pth", {"arch": "resnet20", "state_dict": more, "state_dict_ema": moved}, more)
save("two.pth", {"head": {"weight": torch.ones(2, 2), "bias": torch.ones(2)}, "student": more}, more)

# Tensors of kinds that are left out, beside one that is not.
odd = {"plain": everything["plain"], "sparse": torch.eye(2).to_sparse(), "complex": torch.zeros(2, dtype=torch.complex64),
       "quantized": torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8), "rank7": torch.zeros(1, 1, 1, 1, 1, 1, 1)}
save("odd.pth", odd, {"plain": odd["plain"]})

# What a big-endian machine writes: every storage's bytes turned around, and byteorder, which PyTorch has from 2.1 on.
sizes = {}
for tensor in everything.values():
    sizes[tensor.storage().data_ptr()] = tensor.element_size()
buffer = io.BytesIO()
torch.save(everything, buffer)
keys = {}  # key -> bytes of an element: keys are given in order of first use
for tensor in everything.values():
    keys.setdefault(tensor.storage()._storage._cdata, (str(len(keys)), tensor.element_size()))
sizes = dict(keys.values())
with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(os.path.join(here, "big-endian.pth"), "w") as new:
    for info in old.infolist():
        data = old.read(info)
        key = info.filename.split("/data/")[-1]
        if key in sizes:
            size = sizes[key]
            data = b"".join(data[i:i + size][::-1] for i in range(0, len(data), size))
        new.writestr(zipfile.ZipInfo(info.filename), data)
    new.writestr(zipfile.ZipInfo("archive/byteorder"), b"big")
expected["big-endian.pth"] = described(everything)

# What is refused: a whole module, TorchScript, a compressed file.
torch.save(torch.nn.Linear(2, 1), os.path.join(here, "module.pth"))
torch.jit.save(torch.jit.script(torch.nn.ReLU()), os.path.join(here, "script.pth"))
with zipfile.ZipFile(os.path.join(here, "zip.pth")) as old, \
        zipfile.ZipFile(os.path.join(here, "compressed.pth"), "w", zipfile.ZIP_DEFLATED) as new:
    for info in old.infolist():
        new.writestr(zipfile.ZipInfo(info.filename), old.read(info), zipfile.ZIP_DEFLATED)

with open(os.path.join(here, "files.json"), "w") as out:
    json.dump(expected, out, separators=(",", ":"))
    out.write("\n")
