#!/usr/bin/python3
"""The same weights in every kind of file give the same logits: .pth (zip and legacy), safetensors (torchvision's names and Hugging
Face's) and ONNX (exported at opset 11, 13 and 17). They agree with PyTorch within 1e-5 of a picture's largest logit, and all weight
files give the same bits. The networks: the trained ResNet-20 that comes with Shunt, on its ten pictures; torchvision's ResNet-18 and
others with random weights and the statistics of a few batches, on random pictures; ShuffleNet v2 and EfficientNet-B0 as ONNX files
only. SE-ResNet-50 is left out: with such weights PyTorch's float32 differs by 5e-5 from its float64 (docs/random-weights.md).
Needs Debian's python3-torch and python3-torchvision, and is skipped without them. With a recent PyTorch and onnxscript it also
exports by torch.export, with the numbers in a file beside the model. same_weights.py FILE_LOGITS DEVICE... prints the largest
differences of each network and device (docs/onnx.md)."""
import importlib.util
import inspect
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import warnings

BOUND = 1e-5
ONNX_ONLY = "shufflenet_v2_x1_0", "efficientnet_b0"  # that Shunt has no name for
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/golden"))
try:
    import numpy as np
    import torch
    from PIL import Image

    from logits import build, fill
    from look_cifar import read_weights
except ImportError as error:
    print(f"skipped: {error}; it needs Debian's python3-torch and python3-torchvision")
    sys.exit(77)


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        start = len(data)
        data += tensor.contiguous().numpy().tobytes()
        kind = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [start, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def hugging_face_name(name):
    """docs/models.md, "Names of tensors", the other way round."""
    parts = name.split(".")
    kind = {"conv": "convolution", "bn": "normalization"}
    if parts[0] == "fc":
        return "classifier.1." + parts[1]
    if not parts[0].startswith("layer"):
        return f"resnet.embedder.embedder.{kind[parts[0][:-1]]}.{parts[1]}"
    if parts[2] == "downsample":
        place = "shortcut." + ("convolution", "normalization")[int(parts[3])]
    else:
        place = f"layer.{int(parts[2][-1]) - 1}.{kind[parts[2][:-1]]}"
    return f"resnet.encoder.stages.{int(parts[0][5:]) - 1}.layers.{parts[1]}.{place}.{parts[-1]}"


def write_weights(folder, net, hugging_face):
    state = net.state_dict()
    torch.save(state, folder / "zip.pth")
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    write_safetensors(folder / "torchvision.safetensors", state)
    if hugging_face:
        write_safetensors(folder / "huggingface.safetensors", {hugging_face_name(n): t for n, t in state.items()})
    return sorted(folder.glob("*.pth")) + sorted(folder.glob("*.safetensors"))


def write_onnx(folder, net, pictures):
    two_ways = "dynamo" in inspect.signature(torch.onnx.export).parameters and importlib.util.find_spec("onnxscript")
    old_way = {"dynamo": False} if two_ways else {}
    for opset in 11, 13, 17:
        torch.onnx.export(net, pictures[:1], str(folder / f"opset{opset}.onnx"), opset_version=opset, input_names=["x"],
                          dynamic_axes={"x": {0: "batch"}}, **old_way)
    for opset in (18, 20, 23) if two_ways else ():
        for optimize in True, False:
            torch.onnx.export(net, (pictures[:1],), str(folder / f"opset{opset}_{optimize}.onnx"), opset_version=opset,
                              dynamo=True, optimize=optimize, verbose=False, dynamic_shapes=({0: "batch"},))
    return sorted(folder.glob("*.onnx"))


def trained_resnet20():
    path = ROOT / "data/models/resnet20-cifar10.safetensors"
    net = build("resnet20", "A", 0)
    net.load_state_dict(read_weights(path), strict=False)
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    preprocess = json.loads(header["__metadata__"]["preprocess"])
    size = preprocess["crop"], preprocess["crop"]
    samples = sorted((ROOT / "data/samples").glob("*.png"))
    pictures = np.stack([np.asarray(Image.open(sample).resize(size)) for sample in samples])
    x = torch.tensor(pictures).permute(0, 3, 1, 2).double() / 255
    mean, std = (torch.tensor(preprocess[key]).double()[:, None, None] for key in ("mean", "std"))
    return net, (x - mean) / std


def random_net(name):
    """Random weights, and running statistics of two batches, so that numbers keep their size through all layers."""
    net = build(name, "", 0).train()
    with torch.no_grad():
        for i in range(2):
            net(fill(f"batch{i}", (4, 3, 64, 64), -2, 2))
    return net, fill("input", (2, 3, 64, 64), -2, 2)


def largest(ours, theirs):
    """Of a picture's logits, the largest difference over the largest logit; of all files the worst picture counts."""
    return float(((ours - theirs).abs().amax(-1) / theirs.abs().amax(-1)).max())


def shunt(program, device, network, folder, pictures, files):
    """The logits of each file."""
    place = folder / "pictures"
    place.write_bytes(pictures.numpy().tobytes())
    command = [program, network, place, str(pictures.shape[0]), str(pictures.shape[-1]), *files]
    environment = {**os.environ, "SHUNT_TEST_DEVICE": device}
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout
    return torch.frombuffer(bytearray(made), dtype=torch.float32).reshape(len(files), pictures.shape[0], -1).double()


def compare(name, make, program, devices, folder, own):
    net, exact_pictures = make()
    net.eval()
    with torch.no_grad():
        exact = net(exact_pictures)
        net, pictures = net.float(), exact_pictures.float()
        expected = net(pictures).double()
        weights = write_weights(folder, net, name == "resnet18") if own else []
        graphs = write_onnx(folder, net, pictures)
    print(f"{name}: PyTorch in float32 against itself in float64: {largest(expected, exact):.1e}")
    good = True
    for device in devices:
        onnx = shunt(program, device, "-", folder, pictures, graphs)
        found = {"ONNX against PyTorch": largest(onnx, expected)}
        if own:
            ours = shunt(program, device, name, folder, pictures, weights)
            found["weight files against PyTorch"] = largest(ours, expected)
            found["ONNX against weight files"] = largest(onnx, ours[0])
            same = bool((ours == ours[0]).all())
            good &= same
            print(f"{name}: {len(weights)} weight files give {'the same bits' if same else 'DIFFERENT bits'}")
        print(f"{name} on {device}: " + ", ".join(f"{what} {error:.1e}" for what, error in found.items()) +
              f"; {len(graphs)} exports give {'the same bits' if (onnx == onnx[0]).all() else 'different bits'}")
        good &= all(error <= BOUND for error in found.values())
    return good


def main(program, *devices):
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    good = True
    networks = {"resnet20": trained_resnet20}
    for name in "resnet18", "resnext50_32x4d", "wide_resnet50_2", *ONNX_ONLY:
        networks[name] = lambda name=name: random_net(name)
    for name, make in networks.items():
        with tempfile.TemporaryDirectory() as folder:
            good &= compare(name, make, program, devices, pathlib.Path(folder), name not in ONNX_ONLY)
    sys.exit(0 if good else f"same_weights: beyond {BOUND}")


if __name__ == "__main__":
    main(*sys.argv[1:])
