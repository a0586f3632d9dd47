#!/usr/bin/env python3
"""Writes tests/golden/onnx/opsetN_*: small models of opsets 17 to 25 in the form of ONNX's backend tests, with results
computed by NumPy alone, by formulas written out here. Needs the PyPI packages onnx and numpy (pip install onnx numpy).
usage: onnx_numpy.py"""
import itertools
import pathlib
import shutil

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent / "onnx"
random = np.random.default_rng(7)


def draw(*shape):
    return random.uniform(-1, 1, shape).astype(np.float32)


def windows(x, window, stride, dilation, before, after, fill):
    """Windows of x (N,C,H,W) as (N,C,P,Q,R,S)."""
    x = np.pad(x, ((0, 0), (0, 0), (before[0], after[0]), (before[1], after[1])), constant_values=fill)
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, window)]
    places = [(x.shape[2 + i] - extent[i]) // stride[i] + 1 for i in range(2)]
    out = np.empty(x.shape[:2] + tuple(places) + tuple(window), np.float64)
    for p, q, r, s in itertools.product(*map(range, out.shape[2:])):
        out[:, :, p, q, r, s] = x[:, :, p * stride[0] + r * dilation[0], q * stride[1] + s * dilation[1]]
    return out


def conv(x, w, b, stride=(1, 1), dilation=(1, 1), before=(0, 0), after=(0, 0), groups=1):
    xs, ws = np.split(x, groups, 1), np.split(w, groups, 0)
    parts = [np.einsum("ncpqrs,kcrs->nkpq", windows(a, w.shape[2:], stride, dilation, before, after, 0), v)
             for a, v in zip(xs, ws)]
    return np.concatenate(parts, 1) + b[None, :, None, None]


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def save(name, opset, nodes, inputs, initializers, outputs, external=False):
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    infos = [[helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in d.items()]
             for d in (inputs, outputs)]
    tensors = [v if isinstance(v, TensorProto) else numpy_helper.from_array(v, k) for k, v in initializers.items()]
    graph = helper.make_graph(nodes, name, *infos, tensors)
    opsets = [helper.make_opsetid("", opset)]
    ir_version = 8 if opset < 19 else max(10, helper.find_min_ir_version_for(opsets))
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)
    onnx.checker.check_model(model)
    if external:
        onnx.save_model(model, folder / "model.onnx", save_as_external_data=True, location="weights.bin",
                        size_threshold=0)
    else:
        onnx.save_model(model, folder / "model.onnx")
    for kind, values in (("input", inputs), ("output", outputs)):
        for i, (key, value) in enumerate(values.items()):
            (data / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(value, key).SerializeToString())


def residual_block(opset, external=False):
    """Conv in all its forms, BatchNormalization, Relu, Add, MaxPool with ceil_mode, GlobalAveragePool, Flatten, Gemm."""
    x, w1, b1 = draw(2, 3, 9, 8), draw(4, 3, 3, 3), draw(4)
    w2, b2, w3 = draw(4, 2, 3, 2), draw(4), draw(4, 3, 1, 1)
    scale, shift, mean, variance = draw(4), draw(4), draw(4), np.abs(draw(4)) + np.float32(0.5)
    wl, bl = draw(4, 5), draw(5)
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["a"], auto_pad="SAME_UPPER", strides=[2, 2]),
        node("BatchNormalization", ["a", "scale", "shift", "mean", "variance"], ["n"], epsilon=1e-3),
        node("Relu", ["n"], ["r"]),
        node("Conv", ["r", "w2", "b2"], ["c"], auto_pad="SAME_LOWER", group=2, dilations=[2, 1]),
        node("Conv", ["x", "w3"], ["s"], strides=[2, 2]),
        node("Add", ["c", "s"], ["t"]),
        node("MaxPool", ["t"], ["m"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        node("GlobalAveragePool", ["m"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "wl", "bl"], ["y"], alpha=0.5, beta=2.0),
    ]
    a = conv(x, w1, b1, stride=(2, 2), before=(1, 0), after=(1, 1))  # 9 -> 5: 2 rows; 8 -> 4: 1 column, to the end
    n = (a - mean[None, :, None, None]) / np.sqrt(variance + 1e-3)[None, :, None, None] * scale[None, :, None, None]
    r = np.maximum(n + shift[None, :, None, None], 0)
    c = conv(r, w2, b2, dilation=(2, 1), before=(2, 1), after=(2, 0), groups=2)
    t = c + conv(x, w3, np.zeros(4), stride=(2, 2))
    m = windows(t, (2, 2), (2, 2), (1, 1), (0, 0), (1, 0), -np.inf).max((4, 5))
    y = 0.5 * (m.mean((2, 3)) @ wl) + 2 * bl
    initial = dict(w1=w1, b1=b1, scale=scale, shift=shift, mean=mean, variance=variance, w2=w2, b2=b2, w3=w3, wl=wl, bl=bl)
    if not external:  # as typed data, not raw
        initial["w1"] = helper.make_tensor("w1", TensorProto.FLOAT, w1.shape, w1.flatten().tolist())
    save(f"opset{opset}_residual" + ("_external" if external else ""), opset, nodes, dict(x=x), initial,
         dict(y=y.astype(np.float32)), external)


def pools(opset):
    """AveragePool with all that it has, MaxPool with dilations, ReduceMean, Pad, Clip."""
    x = draw(1, 2, 10, 9)
    node, dilations = helper.make_node, {"dilations": [2, 1]} if opset >= 19 else {}
    newer = opset >= 18
    mean_axes, pad_axes = np.array([1, -1]), np.array([3, 2])
    nodes = [
        node("AveragePool", ["x"], ["a"], kernel_shape=[3, 2], strides=[3, 2], pads=[1, 1, 0, 1], count_include_pad=1,
             ceil_mode=1, **dilations),
        node("AveragePool", ["x"], ["b"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("MaxPool", ["x"], ["c"], kernel_shape=[3, 2], dilations=[2, 3], pads=[1, 0, 1, 1]),
        node("ReduceMean", ["b", "axes"], ["d"], keepdims=0) if newer else
        node("ReduceMean", ["b"], ["d"], axes=[1, -1], keepdims=0),
        node("Pad", ["x", "pads", "value", "pad_axes"] if newer else ["x", "pads", "value"], ["e"]),
        node("Clip", ["e", "low", "high"], ["f"]),
    ]
    pads = np.array([1, 2, 0, 3]) if newer else np.array([0, 0, 2, 1, 0, 0, 3, 0])
    initial = dict(pads=pads, value=np.float32(0.75), low=np.float32(-0.5), high=np.float32(0.625))
    if newer:
        initial.update(axes=mean_axes, pad_axes=pad_axes)
    d = 2 if dilations else 1
    # The sum of a window, over the elements that are inside x or its padding; ceil_mode's last ones reach past it.
    rows = -(-(10 + 1 - (2 * d + 1)) // 3) + 1
    reach = (rows - 1) * 3 + 2 * d + 1 - 11
    columns = -(-(9 + 2 - 2) // 2) + 1
    if (columns - 1) * 2 >= 9 + 1:
        columns -= 1
    right = max(0, (columns - 1) * 2 + 2 - 11)
    args = (3, 2), (3, 2), (d, 1), (1, 1), (max(reach, 0), 1 + right)
    inside = np.pad(np.ones((1, 1, 11, 11)), ((0, 0), (0, 0), (0, max(reach, 0)), (0, right)))
    ones = windows(inside, (3, 2), (3, 2), (d, 1), (0, 0), (0, 0), 0).sum((4, 5))
    a = windows(x, *args, 0).sum((4, 5)) / ones
    count = windows(np.ones_like(x), (3, 3), (1, 1), (1, 1), (1, 1), (1, 1), 0).sum((4, 5))
    b = windows(x, (3, 3), (1, 1), (1, 1), (1, 1), (1, 1), 0).sum((4, 5)) / count
    c = windows(x, (3, 2), (1, 1), (2, 3), (1, 0), (1, 1), -np.inf).max((4, 5))
    e = np.pad(x, ((0, 0), (0, 0), (2, 3), (1, 0)), constant_values=0.75)
    outputs = dict(a=a, b=b, c=c, d=b.mean((1, 3)), f=np.clip(e, -0.5, 0.625))
    save(f"opset{opset}_pools", opset, nodes, dict(x=x), initial, {k: v.astype(np.float32) for k, v in outputs.items()})


def shapes(opset):
    """Shapes computed from shapes; Transpose, Concat, Squeeze, Unsqueeze, MatMul, Softmax over any axis, Sum, Cast."""
    x, w, row = draw(2, 3, 4, 5), draw(5, 6), draw(6)
    half = draw(1, 3, 1).astype(np.float16)
    node = helper.make_node
    nodes = [
        node("Shape", ["x"], ["all"]),
        node("Gather", ["all", "first"], ["n"], axis=0),
        node("Unsqueeze", ["n", "zero"], ["n1"]),
        node("Shape", ["x"], ["middle"], start=1, end=-1),
        node("Concat", ["n1", "middle", "left"], ["wanted"], axis=0),
        node("Constant", [], ["left"], value_ints=[-1]),
        node("Reshape", ["x", "wanted"], ["same"]),
        node("Transpose", ["same"], ["t"], perm=[0, 2, 1, 3]),
        node("MatMul", ["t", "w"], ["m"]),
        node("Add", ["m", "row"], ["p"]),
        node("Cast", ["half"], ["whole"], to=TensorProto.FLOAT),
        node("Sum", ["p", "whole", "p"], ["s"]),
        node("Softmax", ["s"], ["y"], axis=1),
        node("LogSoftmax", ["s"], ["z"]),
        node("ConstantOfShape", ["wanted2"], ["ones"], value=numpy_helper.from_array(np.array([1.5], np.float32))),
        node("Concat", ["s", "ones"], ["k"], axis=-1),
        node("Squeeze", ["half4", "zero"], ["q"]),
        node("Identity", ["k"], ["k2"]),
        node("Dropout", ["k2"], ["k3"]),
    ]
    nodes.insert(4, nodes.pop(5))
    initial = dict(first=np.array(0), zero=np.array([0]), w=w, row=row, half=half, wanted2=np.array([2, 4, 3, 2]),
                   half4=half.reshape(1, 1, 3, 1))
    m = x.transpose(0, 2, 1, 3).astype(np.float64) @ w
    s = 2 * (m + row) + half.astype(np.float64)
    k = np.concatenate([s, np.full((2, 4, 3, 2), 1.5)], -1)
    outputs = {"y": softmax(s, 1), "z": np.log(softmax(s, -1)), "k3": k}
    outputs = {key: v.astype(np.float32) for key, v in outputs.items()}
    outputs["q"] = half.reshape(1, 3, 1)
    save(f"opset{opset}_shapes", opset, nodes, dict(x=x), initial, outputs)


def forms(opset):
    """MatMul of vectors and of matrices that are repeated on both sides, Expand, Pad by wrapping around, CastLike."""
    x, u, v, g = draw(2, 3, 4, 5), draw(5), draw(5), draw(3, 1)
    row, w = draw(4), draw(3, 1, 5, 2)
    node = helper.make_node
    nodes = [
        node("MatMul", ["x", "v"], ["a"]),
        node("MatMul", ["row", "x"], ["b"]),
        node("MatMul", ["u", "v"], ["c"]),
        node("Unsqueeze", ["x", "one"], ["x5"]),
        node("MatMul", ["x5", "w"], ["d"]),
        node("Expand", ["g", "shape"], ["e"]),
        node("Expand", ["v", "rows"], ["v2"]),
        node("Pad", ["x", "pads"], ["f"], mode="wrap"),
        node("CastLike", ["one", "x"], ["o"]),
        node("Add", ["v2", "o"], ["p"]),
        node("Add", ["u", "p"], ["h"]),
    ]
    initial = dict(v=v, row=row, w=w, one=np.array([1]), shape=np.array([2, 1, 4]), rows=np.array([3, 1]),
                   pads=np.array([0, 1, 2, 3, 0, 7, 0, 5]))
    wide, wide_w = x.astype(np.float64), w.astype(np.float64)
    outputs = dict(a=np.einsum("nchw,w->nch", wide, v), b=np.einsum("h,nchw->ncw", row, wide), c=np.dot(u, v),
                   d=np.einsum("nchw,kwj->nkchj", wide, wide_w[:, 0]), e=np.tile(g, (2, 1, 4)),
                   f=np.pad(x, ((0, 0), (1, 7), (2, 0), (3, 5)), mode="wrap"), h=u + np.tile(v, (3, 1)) + 1)
    save(f"opset{opset}_forms", opset, nodes, dict(x=x, u=u, g=g), initial,
         {k: np.asarray(y, np.float32) for k, y in outputs.items()})


for version in range(17, 22):
    residual_block(version)
    pools(version)
    shapes(version)
residual_block(17, external=True)
for version in range(22, 26):
    residual_block(version)
    pools(version)
    shapes(version)
for version in (19, 25):
    forms(version)
