#!/usr/bin/env python3
"""Writes tests/golden/pictures/: small ONNX classifiers that normalise their pictures in the usual ways or not at all, a picture, and
in expected.txt what ONNX Runtime makes of it when Pillow and NumPy have prepared it as each of them asks for.
And tests/golden/onnx/runtime_arithmetic: Sub, Mul and Div of all shapes, in the form of ONNX's backend tests.
Needs the PyPI packages onnx, onnxruntime, numpy and Pillow. Run it in tests/golden."""
import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import onnx_runtime
from onnx_runtime import node

FOLDER = pathlib.Path("pictures")
TYPES = {TensorProto.FLOAT: np.float32, TensorProto.UINT8: np.uint8, TensorProto.INT32: np.int32}
RESIZE, CROP = 18, 16  # ImageNet's 256 and 224 for a network of 16 x 16
random = np.random.default_rng(3)


def f32(*values):
    return np.array(values, np.float32)


def channels(*values):
    return f32(*values).reshape(1, 3, 1, 1)


IMAGENET = channels(.485, .456, .406), channels(.229, .224, .225)


def classifier(front, constants, dtype, classes=10, end=None):
    """front: nodes that make "n" of "x". end: an operator behind the scores."""
    weights = {"w": random.normal(0, .3, (8, 3, 3, 3)), "b": random.normal(0, .1, 8), "fc": random.normal(0, 1, (classes, 8))}
    nodes = front + [node("Conv", ["n" if front else "x", "w", "b"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
                     node("Relu", ["c"], ["r"]), node("GlobalAveragePool", ["r"], ["g"]), node("Flatten", ["g"], ["f"]),
                     node("Gemm", ["f", "fc"], ["s" if end else "y"], transB=1)]
    nodes += [node(end, ["s"], ["y"])] if end else []
    tensors = [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in {**weights, **constants}.items()]
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", dtype, ("N", 3, CROP, CROP))],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("N", classes))], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def cast():
    return node("Cast", ["x"], ["f0"], to=TensorProto.FLOAT)


def norm(scale, shift, mean, variance):
    return {"scale": scale, "shift": shift, "mean": mean, "variance": variance}


def batch_norm(src):
    return node("BatchNormalization", [src, "scale", "shift", "mean", "variance"], ["n"])


ONE, ZERO = np.ones(3), np.zeros(3)
MEAN, STD = f32(123.675, 116.28, 103.53), f32(58.395, 57.12, 57.375)
# name: the front, its constants, the type of the input, the order of the channels, the pixels' range; 0: normalised by ImageNet's
# numbers
MODELS = {
    "plain": ([], {}, TensorProto.FLOAT, "rgb", 0),
    "uint8_bn": ([cast(), batch_norm("f0")], norm(ONE, ZERO, MEAN, STD**2), TensorProto.UINT8, "rgb", 255),
    "uint8_div": ([cast(), node("Div", ["f0", "d"], ["n"])], {"d": f32(255)}, TensorProto.UINT8, "rgb", 255),
    "int32_sub_mul": ([cast(), node("Sub", ["f0", "m"], ["s"]), node("Mul", ["s", "d"], ["n"])],
                      {"m": MEAN.reshape(3, 1, 1), "d": (1 / STD).reshape(3, 1, 1)}, TensorProto.INT32, "rgb", 255),
    "unit_sub_div": ([node("Sub", ["x", "m"], ["s"]), node("Div", ["s", "d"], ["n"])],
                     {"m": IMAGENET[0], "d": IMAGENET[1]}, TensorProto.FLOAT, "rgb", 1),
    "unit_mul_sub": ([node("Mul", ["two", "x"], ["s"]), node("Sub", ["s", "one"], ["n"])],
                     {"two": np.float32(2), "one": np.float32(1)}, TensorProto.FLOAT, "rgb", 1),
    "unit_bn": ([batch_norm("x")], norm(ONE, ZERO, IMAGENET[0].flatten(), IMAGENET[1].flatten()**2), TensorProto.FLOAT,
                "rgb", 1),
    "raw_mul_sub_div": ([node("Mul", ["x", "k"], ["a"]), node("Sub", ["a", "m"], ["s"]), node("Div", ["s", "d"], ["n"])],
                        {"k": f32(1 / 255), "m": IMAGENET[0], "d": IMAGENET[1]}, TensorProto.FLOAT, "rgb", 255),
    "raw_div_add": ([node("Div", ["x", "d"], ["a"]), node("Add", ["a", "m"], ["n"])], {"d": f32(127.5), "m": f32(-1)},
                    TensorProto.FLOAT, "rgb", 255),
    "raw_bn": ([batch_norm("x")], norm(ONE, ZERO, f32(124.1, 117.2, 104.8), f32(3391, 3252, 3307)), TensorProto.FLOAT,
               "rgb", 255),
    "caffe_sub": ([node("Sub", ["x", "m"], ["n"])], {"m": channels(103.94, 116.78, 123.68)}, TensorProto.FLOAT, "bgr",
                  255),
    "learned_bn": ([batch_norm("x")], norm(f32(1.2, .7, .9), f32(.1, -.3, .2), f32(.05, -.02, .11), f32(1.1, .9, 1.3)),
                   TensorProto.FLOAT, "rgb", 0),
}


def prepare(image, order, most):
    width, height = image.size
    side = (RESIZE, RESIZE * height // width) if width < height else (RESIZE * width // height, RESIZE)
    image = np.asarray(image.resize(side, Image.BILINEAR))
    top, left = (image.shape[0] - CROP) // 2, round((image.shape[1] - CROP) / 2)
    x = image[top:top + CROP, left:left + CROP].transpose(2, 0, 1)[None]
    x = x[:, ::-1] if order == "bgr" else x
    if most == 255:
        return x
    x = x.astype(np.float32) / 255
    return x if most else (x - IMAGENET[0]) / IMAGENET[1]


def run(model, x):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.ascontiguousarray(x)})[0]


def pictures():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    y, x, c = np.meshgrid(np.arange(40), np.arange(52), np.arange(3), indexing="ij")
    Image.fromarray(((x * 5 + y * 3 + c * 60) ^ (x * y >> 4)).astype(np.uint8)).save(FOLDER / "picture.png")
    image = Image.open(FOLDER / "picture.png").convert("RGB")
    with open(FOLDER / "expected.txt", "w") as file:
        for name, (front, constants, dtype, order, most) in MODELS.items():
            model = classifier(front, constants, dtype)
            onnx.checker.check_model(model)
            onnx.save_model(model, FOLDER / f"{name}.onnx")
            logits = run(model, prepare(image, order, most).astype(TYPES[dtype]))
            file.write(f"{name} {order} {most} " + " ".join(f"{v:.9g}" for v in logits[0]) + "\n")


# name: scores, the operator behind them, the head that Shunt is asked for, that which it then has
HEADS = {
    "one_score": (1, None, "auto", "sigmoid"),
    "one_sigmoid": (1, "Sigmoid", "auto", "sigmoid"),
    "two_softmax": (2, "Softmax", "auto", "softmax"),
    "two_scores": (2, None, "multi-label", "multi-label"),
    "five_sigmoids": (5, "Sigmoid", "auto", "multi-label"),
    "five_scores": (5, None, "auto", "softmax"),
}


def heads():
    """Probabilities by ONNX Runtime: the operator is put behind the scores where the file has none."""
    image = Image.open(FOLDER / "picture.png").convert("RGB")
    x = prepare(image, "rgb", 255)
    with open(FOLDER / "heads.txt", "w") as file:
        for name, (classes, end, asked, head) in HEADS.items():
            front = [cast(), node("Div", ["f0", "d"], ["n"])]
            model = classifier(front, {"d": f32(255)}, TensorProto.UINT8, classes, end)
            onnx.save_model(model, FOLDER / f"{name}.onnx")
            if not end:
                operator = "Softmax" if head == "softmax" else "Sigmoid"
                model.graph.node[-1].output[0] = "s"
                model.graph.node.append(node(operator, ["s"], ["y"]))
            y = run(model, x)[0]
            y = np.array([1 - y[0], y[0]]) if head == "sigmoid" else y
            file.write(f"{name} {asked} {head} {len(y)} " + " ".join(f"{v:.9g}" for v in y) + "\n")


def arithmetic():
    x, constants, nodes = onnx_runtime.draw(2, 3, 4, 5), {}, []
    shapes = {"channel": (1, 3, 1, 1), "late": (3, 1, 1), "number": (), "one": (1,), "row": (5,), "column": (4, 1),
              "plane": (4, 5), "all": (3, 4, 5), "gap": (3, 1, 5), "batch": (2, 1, 1, 1), "each": (2, 3, 4, 5)}
    for kind, shape in shapes.items():
        constants[kind] = np.asarray(onnx_runtime.draw(*shape) + np.float32(2), np.float32)
        for op in ("Sub", "Mul", "Div"):
            nodes.append(node(op, ["x", kind], [f"{op}_{kind}"]))
        nodes += [node("Sub", [kind, "x"], [f"from_{kind}"]), node("Mul", [kind, "x"], [f"by_{kind}"])]
    nodes += [node("Mul", ["x", "wide"], ["Mul_wide"]), node("Sub", ["x", "z"], ["computed"]),
              node("Sub", ["z", "x"], ["computed_other"]), node("Mul", ["v", "row"], ["vector"]),
              node("Sub", ["number", "v"], ["vector_number"]), node("Mul", ["narrow", "late"], ["grown"]),
              node("Sub", ["row", "number"], ["ca"]), node("Mul", ["ca", "column"], ["cb"]),
              node("Div", ["cb", "plane"], ["cc"]), node("Sub", ["x", "cc"], ["folded"])]
    constants["wide"] = onnx_runtime.draw(6, 1, 1, 1, 1)
    outputs = [n.output[0] for n in nodes if n.output[0] not in ("ca", "cb", "cc")]
    inputs = {"x": x, "z": onnx_runtime.draw(3, 1, 5), "v": onnx_runtime.draw(5), "narrow": onnx_runtime.draw(2, 1, 4, 5)}
    for i in range(0, len(outputs), 12):  # the tests read 16 results at most
        part = outputs[i:i + 12]
        needed = set(part) | ({"ca", "cb", "cc"} if "folded" in part else set())
        chosen = [n for n in nodes if n.output[0] in needed]
        read = {name for n in chosen for name in n.input}
        onnx_runtime.save(f"arithmetic_{i // 12}", chosen, {k: v for k, v in inputs.items() if k in read},
                          {k: v for k, v in constants.items() if k in read}, part)


if __name__ == "__main__":
    pictures()
    heads()
    arithmetic()
