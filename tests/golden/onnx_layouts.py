#!/usr/bin/env python3
"""Writes tests/golden/layouts/: small ONNX classifiers whose pictures have their channels last or are gray and whose scores have
axes of one element, as tf2onnx and PyTorch write them, and in expected.txt what ONNX Runtime makes of pictures/picture.png
when Pillow and NumPy have prepared it. Needs the PyPI packages onnx, onnxruntime, numpy and Pillow. Run it in tests/golden."""
import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

FOLDER = pathlib.Path("layouts")
RESIZE, CROP = 18, 16
MEAN, STD = np.float32([.485, .456, .406]), np.float32([.229, .224, .225])
random = np.random.default_rng(5)
node = helper.make_node


def layers(channels, src="n"):
    """Makes "y" (N,10) of "n" (N,C,H,W)."""
    weights = {"w": random.normal(0, .3, (8, channels, 3, 3)), "b": random.normal(0, .1, 8), "fc": random.normal(0, 1, (10, 8))}
    return [node("Conv", [src, "w", "b"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]), node("Relu", ["c"], ["r"]),
            node("GlobalAveragePool", ["r"], ["g"]), node("Flatten", ["g"], ["f"]),
            node("Gemm", ["f", "fc"], ["y"], transB=1)], weights


def nhwc():
    """The input is turned, two convolutions stand between pairs of transposes, and the mean is over H and W of N,H,W,C."""
    weights = {"w": random.normal(0, .3, (8, 3, 3, 3)), "v": random.normal(0, .3, (6, 8, 3, 3)), "k": random.normal(0, 1, (6, 10))}
    to, back = {"perm": [0, 3, 1, 2]}, {"perm": [0, 2, 3, 1]}
    return [node("Transpose", ["x"], ["t"], **to), node("Conv", ["t", "w"], ["c"], strides=[2, 2]),
            node("Transpose", ["c"], ["h"], **back), node("Relu", ["h"], ["r"]), node("Transpose", ["r"], ["u"], **to),
            node("Conv", ["u", "v"], ["d"]), node("Transpose", ["d"], ["e"], **back),
            node("ReduceMean", ["e"], ["g"], axes=[1, 2], keepdims=1), node("MatMul", ["g", "k"], ["y"])], weights


def gray_nhwc():
    nodes, weights = layers(1)
    return [node("Transpose", ["x"], ["n"], perm=[0, 3, 1, 2])] + nodes, weights


# name: nodes and weights; the input's shape; the scores' shape; whether pictures are gray
MODELS = {
    "nhwc": (nhwc(), ("N", CROP, CROP, 3), ("N", 1, 1, 10), False),
    "nhwc_open": (nhwc(), ("N", "h", "w", 3), ("N", 1, 1, 10), False),
    "gray": (layers(1, "x"), ("N", 1, CROP, CROP), ("N", 10), True),
    "gray_nhwc": (gray_nhwc(), (1, CROP, CROP, 1), ("N", 10), True),
}


def prepare(image, gray, last):
    image = image.convert("L") if gray else image
    width, height = image.size
    short = CROP if gray else RESIZE  # gray pictures are not cropped
    side = (short, short * height // width) if width < height else (short * width // height, short)
    pixels = np.asarray(image.resize(side, Image.BILINEAR))
    top, left = (pixels.shape[0] - CROP) // 2, round((pixels.shape[1] - CROP) / 2)
    x = pixels[top:top + CROP, left:left + CROP].astype(np.float32) / 255
    x = x[:, :, None] if gray else (x - MEAN) / STD
    return (x if last else x.transpose(2, 0, 1))[None]


shutil.rmtree(FOLDER, ignore_errors=True)
FOLDER.mkdir()
picture = Image.open("pictures/picture.png").convert("RGB")
with open(FOLDER / "expected.txt", "w") as file:
    for name, ((nodes, weights), source, scores, gray) in MODELS.items():
        tensors = [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in weights.items()]
        graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, source)],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, scores)], tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save_model(model, FOLDER / f"{name}.onnx")
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        logits = session.run(None, {"x": np.ascontiguousarray(prepare(picture, gray, source[1] != 1))})[0]
        file.write(f"{name} {int(gray)} " + " ".join(f"{v:.9g}" for v in logits.flatten()) + "\n")
