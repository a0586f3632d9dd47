#!/usr/bin/env python3
"""Writes tests/golden/onnx/runtime_*: models as other tools write them, in the form of ONNX's backend tests, with results
by ONNX Runtime. Where ONNX Runtime itself refuses a form, `spoil` puts the model into it after the results are made: the
forms of a model have the same results. Needs the PyPI packages onnx, onnxruntime and numpy.
usage: onnx_runtime.py"""
import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent / "onnx"
random = np.random.default_rng(11)
node = helper.make_node


def draw(*shape):
    return random.uniform(-1, 1, shape).astype(np.float32)


def save(name, nodes, inputs, initializers, outputs, opset=17, spoil=lambda graph: None):
    folder = FOLDER / f"runtime_{name}"
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    infos = [helper.make_tensor_value_info(k, numpy_helper.from_array(v).data_type, v.shape)
             for k, v in inputs.items()]
    results = [onnx.ValueInfoProto(name=k) for k in outputs]
    tensors = [numpy_helper.from_array(v, k) for k, v in initializers.items()]
    model = helper.make_model(helper.make_graph(nodes, name, infos, results, tensors),
                              opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(outputs, inputs)
    spoil(model.graph)
    onnx.save_model(model, folder / "model.onnx")
    for kind, arrays in (("input", inputs.values()), ("output", values)):
        for i, array in enumerate(arrays):
            (data / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())


def norm(channels, letter):
    return {f"{letter}_scale": draw(channels), f"{letter}_shift": draw(channels), f"{letter}_mean": draw(channels),
            f"{letter}_variance": np.abs(draw(channels)) + np.float32(0.5)}


def same_names():
    """Two convolutions with a batch norm each; all four nodes have one name."""
    def spoil(graph):
        for each in graph.node:
            each.name = "node"
    a, b = norm(3, "a"), norm(2, "b")
    nodes = [node("Conv", ["x", "wa"], ["ca"], pads=[1, 1, 1, 1]), node("BatchNormalization", ["ca", *a], ["na"]),
             node("Conv", ["na", "wb"], ["cb"], pads=[1, 1, 1, 1]), node("BatchNormalization", ["cb", *b], ["y"])]
    a2 = norm(3, "a2")
    nodes += [node("Conv", ["x", "wc"], ["cc"], pads=[1, 1, 1, 1]), node("BatchNormalization", ["cc", *a2], ["z"])]
    save("same_names", nodes, {"x": draw(1, 2, 5, 4)},
         {"wa": draw(3, 2, 3, 3), "wb": draw(2, 3, 3, 3), "wc": draw(3, 2, 3, 3), **a, **b, **a2}, ["y", "z"], spoil=spoil)


same_names()
