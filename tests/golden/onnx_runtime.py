#!/usr/bin/env python3
"""Writes tests/golden/onnx/runtime_*: models as other tools write them, in the form of ONNX's backend tests, with results
by ONNX Runtime. Where ONNX Runtime itself refuses a form, `spoil` puts the model into it after the results are made: the
forms of a model have the same results. Of a float16 model the results are those of its copy in float32: Shunt computes in
float32, and ONNX Runtime rounds some of what it computes to float16 (docs/onnx.md). Needs the PyPI packages onnx, onnxruntime and numpy.
usage: onnx_runtime.py"""
import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent / "onnx"
random = np.random.default_rng(11)
node = helper.make_node


def draw(*shape):
    return random.uniform(-1, 1, shape).astype(np.float32)


def widened(model):
    """The model with float32 wherever it has float16. The values of its constants stay."""
    wide = onnx.ModelProto.FromString(model.SerializeToString())
    attributes = [(each, attribute) for each in wide.graph.node for attribute in each.attribute]
    for tensor in [*wide.graph.initializer, *(attribute.t for _, attribute in attributes)]:
        if tensor.data_type == TensorProto.FLOAT16:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    for each, attribute in attributes:
        if each.op_type == "Cast" and attribute.i == TensorProto.FLOAT16:
            attribute.i = TensorProto.FLOAT
    del wide.graph.value_info[:]
    return wide


def save(name, nodes, inputs, initializers, outputs, opset=17, spoil=lambda graph: None, oracle=lambda model: model):
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
    session = onnxruntime.InferenceSession(oracle(model).SerializeToString(), providers=["CPUExecutionProvider"])
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


def unsorted():
    """A residual block whose nodes stand backwards."""
    def spoil(graph):
        nodes = list(graph.node)[::-1]
        del graph.node[:]
        graph.node.extend(nodes)
    nodes = [node("Conv", ["x", "wa"], ["a"], pads=[1, 1, 1, 1]), node("Relu", ["a"], ["r"]),
             node("Conv", ["r", "wb"], ["b"], pads=[1, 1, 1, 1]), node("Add", ["b", "x"], ["s"]),
             node("GlobalAveragePool", ["s"], ["g"]), node("Shape", ["g"], ["dims"]),
             node("Constant", [], ["two"], value_int=2), node("Slice", ["dims", "zero", "twos"], ["front"]),
             node("Reshape", ["g", "front"], ["y"])]
    save("unsorted", nodes, {"x": draw(2, 3, 5, 4)},
         {"wa": draw(4, 3, 3, 3), "wb": draw(3, 4, 3, 3), "zero": np.array([0]), "twos": np.array([2])}, ["y"], spoil=spoil)


def unread():
    """Results that nobody reads, nodes that only feed them, and a batch norm of opset 9 that names its four optional ones."""
    def spoil(graph):
        for each in graph.node:
            if each.op_type == "BatchNormalization":
                each.output.extend(["mean_out", "var_out", "saved_mean", "saved_var"])
        graph.node.extend([node("Sigmoid", ["c"], ["gate"]), node("LSTM", ["gate", "gate", "gate"], ["h"]),
                           node("Relu", ["h"], ["late"])])
    a = norm(3, "a")
    nodes = [node("Conv", ["x", "w"], ["c"]), node("BatchNormalization", ["c", *a], ["n"]),
             node("MaxPool", ["n"], ["p", "indices"], kernel_shape=[2, 2]), node("Dropout", ["p"], ["y", "mask"])]
    save("unread", nodes, {"x": draw(1, 2, 6, 5)}, {"w": draw(3, 2, 2, 2), **a}, ["y"], opset=9, spoil=spoil)


def constants():
    """Constants in attributes: a list of numbers, a text, texts."""
    nodes = [node("Constant", [], ["numbers"], value_floats=[1.5, -2.25, 1e-3]),
             node("Constant", [], ["text"], value_string="-7.5e-1"),
             node("Constant", [], ["texts"], value_strings=["1", "2.5", "-3"]),
             node("Cast", ["text"], ["one"], to=1), node("Cast", ["texts"], ["three"], to=1),
             node("Add", ["x", "numbers"], ["a"]), node("Add", ["a", "one"], ["b"]), node("Add", ["b", "three"], ["y"])]
    save("constants", nodes, {"x": draw(2, 3)}, {}, ["y"])


def half():
    """A float16 network between two Casts: batch norms, which ONNX Runtime folds in float16, and operators that it has in
    float16 (MaxPool, Concat)."""
    a = norm(8, "a")
    tensors = {"wa": draw(8, 3, 3, 3), "wb": draw(4, 8, 1, 1), "wc": draw(4, 8, 3, 3), "fc": draw(8, 5), **a}
    nodes = [node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16), node("Conv", ["h", "wa"], ["c"], pads=[1, 1, 1, 1]),
             node("BatchNormalization", ["c", *a], ["n"]), node("Relu", ["n"], ["r"]),
             node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2]), node("Conv", ["p", "wb"], ["b"]),
             node("Conv", ["p", "wc"], ["d"], pads=[1, 1, 1, 1]), node("Concat", ["b", "d"], ["k"], axis=1),
             node("GlobalAveragePool", ["k"], ["g"]), node("Flatten", ["g"], ["f"]), node("MatMul", ["f", "fc"], ["m"]),
             node("Cast", ["m"], ["y"], to=TensorProto.FLOAT)]
    save("half", nodes, {"x": draw(2, 3, 9, 8)}, {k: v.astype(np.float16) for k, v in tensors.items()}, ["y"], oracle=widened)


if __name__ == "__main__":
    same_names()
    unsorted()
    unread()
    constants()
    half()
