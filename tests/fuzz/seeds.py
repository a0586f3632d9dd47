#!/usr/bin/env python3
"""Writes the fuzz targets' first inputs: seeds.py FOLDER makes FOLDER/TARGET/NAME, from tests/golden and by hand."""
import json
import os
import shutil
import struct
import sys
import zipfile

golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
out = sys.argv[1]


def put(target, name, data):
    os.makedirs(os.path.join(out, target), exist_ok=True)
    with open(os.path.join(out, target, name), "wb") as file:
        file.write(data)


def safetensors(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


for name in sorted(os.listdir(os.path.join(golden, "torch"))):
    if not name.endswith(".pth"):
        continue
    path = os.path.join(golden, "torch", name)
    with open(path, "rb") as file:
        put("torch", name, file.read())
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                if entry.endswith("/data.pkl"):
                    put("pickle", name, archive.read(entry))

for name in sorted(os.listdir(os.path.join(golden, "onnx"))):
    os.makedirs(os.path.join(out, "onnx"), exist_ok=True)
    shutil.copy(os.path.join(golden, "onnx", name, "model.onnx"), os.path.join(out, "onnx", name))



def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def part(field, data):
    """A message, text or bytes of protobuf, or a number."""
    if isinstance(data, int):
        return varint(field << 3) + varint(data)
    return varint(field << 3 | 2) + varint(len(data)) + data


def parts(message):
    """Field, content of each field that is a number or bytes; the models read here have no others at this level."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = number()
        size = number()
        if key & 7 == 2:
            at += size
            yield key >> 3, message[at - size:at]
        else:
            yield key >> 3, size


def node(op, source, dst, to):
    attribute = part(1, b"to") + part(3, to) + part(20, 2)
    return part(1, part(1, source) + part(2, dst) + part(4, op) + part(5, attribute))


texts = part(1, 3) + part(2, 8) + part(6, b"1e-5") + part(6, b"-INF") + part(6, b"7") + part(8, b"t")
graph = node(b"Cast", b"t", b"n", 1) + node(b"Cast", b"n", b"y", 8) + part(5, texts) + part(12, part(1, b"y"))
shape = b"".join(part(1, part(1, size)) for size in (1, 2, 2, 2))
picture = part(1, b"x") + part(2, part(1, part(1, 1) + part(2, shape)))
numbers = part(1, 2) + part(2, 11) + part(9, bytes(16)) + part(8, b"v")
norm = part(1, b"".join(part(1, name) for name in (b"x", b"v", b"v", b"v", b"v")) + part(2, b"y") +
            part(4, b"BatchNormalization"))
put("onnx", "norm", part(1, 8) + part(7, norm + part(5, numbers) + part(11, picture) + part(12, part(1, b"y"))) +
    part(8, part(2, 17)))
put("onnx", "texts", part(1, 8) + part(7, graph) + part(8, part(2, 17)))

# ONNX's own models of one node, where libonnx-testdata is: all inputs but the first are made constants.
cases = "/usr/share/libonnx-testdata/data/node"
wanted = """Add AveragePool BatchNormalization Cast Clip Concat ConstantOfShape Conv ConvTranspose Dropout Flatten Gather Gemm
    GlobalAveragePool LRN LogSoftmax MatMul MaxPool Pad ReduceMean Reshape Resize RoiAlign Slice Softmax Squeeze Sum
    Transpose Unsqueeze Upsample""".encode().split()
for name in sorted(os.listdir(cases)) if os.path.isdir(cases) else []:
    folder = os.path.join(cases, name)
    with open(os.path.join(folder, "model.onnx"), "rb") as file:
        model = list(parts(file.read()))
    graph = next(content for field, content in model if field == 7)
    nodes = [dict(parts(content)) for field, content in parts(graph) if field == 1]
    if len(nodes) != 1 or nodes[0][4] not in wanted:
        continue
    number = 1
    while os.path.exists(path := os.path.join(folder, "test_data_set_0", f"input_{number}.pb")):
        with open(path, "rb") as file:
            graph += part(5, file.read())
        number += 1
    seed = b"".join(part(field, graph if field == 7 else content) for field, content in model)
    if len(seed) <= 4096:
        put("onnx", name, seed)

put("safetensors", "empty", safetensors({}, b""))
several = safetensors({"__metadata__": {"format": "pt"}, "a": tensor("F32", [2, 3], 0, 24), "b": tensor("I64", [], 24, 32),
                       "c": tensor("BF16", [1, 2], 32, 36), "d": tensor("F8_E4M3", [4], 36, 40)}, bytes(range(40)))
put("safetensors", "several", several)
put("safetensors", "fitted", b"\0" + several[1:])

put("cifar", "two", (b"\3" + bytes(3072)) * 2)
put("cifar", "label", b"\12" + bytes(3072))

for form in sorted(os.listdir(os.path.join(golden, "cifar"))):
    path = os.path.join(golden, "cifar", form, "cifar-10-batches-py", "test_batch")
    if os.path.exists(path) and os.path.getsize(path) <= 8192:
        with open(path, "rb") as file:
            put("cifar_python", form, file.read())

for name in sorted(os.listdir(os.path.join(golden, "images"))):
    path = os.path.join(golden, "images", name)
    if os.path.getsize(path) <= 8192:
        os.makedirs(os.path.join(out, "image"), exist_ok=True)
        shutil.copy(path, os.path.join(out, "image", name))

choice = {"algorithm": "direct", "params": "m=6 n=2", "microseconds": 12.5, "effort": "full"}
for first, device in ((0, "fuzz | d | p | v"), (1, "fuzz cpu 1")):
    text = json.dumps({"format": "shunt-tuning-1", "devices": {device: {"relu 4x4 > 4x4": choice}}})
    put("tuning", f"choice{first}", bytes([first]) + text.encode())
line = "{}\t12\tfuzz | d | p | v\tdirect\t\trelu 4x4 > 4x4\n"
put("tuning", "journal", b"\2" + "".join(line.format(word) for word in ("begin", "safe", "begin", "retry")).encode())

with open(os.path.join(golden, "coco.json")) as file:
    for number, one in enumerate(json.load(file)):
        for task, results in one["results"].items():
            truth = dict(one["truth"], annotations=one["truth"]["annotations"][:4])
            put("coco", f"{number}-{task}", "\n".join(json.dumps(v) for v in (truth, results[:6])).encode())
