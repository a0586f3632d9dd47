#!/usr/bin/env python3
"""What exporters write, read by Shunt: networks with random weights go through every exporter that this Python has (PyTorch's two,
tf2onnx, paddle2onnx, the float16 converters of onnxconverter-common and ONNX Runtime, ONNX Runtime's optimizer), and Shunt's logits are compared
with ONNX Runtime's of the same file; of a file with float16 in it, with those of its copy in float32 (docs/onnx.md says why). Prints the rows of the table in docs/onnx.md: the largest difference over the largest
logit, or why the file is refused. usage: exporters.py FILE_LOGITS [EXPORTER...]; FILE_LOGITS is build/tests/file_logits."""
import inspect
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden"))
from onnx_runtime import widened

SIDE, N = 96, 2
TORCH = ("resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "squeezenet1_1", "densenet121", "googlenet",
         "mobilenet_v2", "regnet_x_400mf", "shufflenet_v2_x0_5", "efficientnet_b0")
KERAS = ("ResNet50", "ResNet50V2", "VGG16", "MobileNet", "MobileNetV2", "DenseNet121", "InceptionV3", "Xception", "NASNetMobile",
         "ResNet101V2") # EfficientNetB0 comes with inputs that nobody feeds, ONNX Runtime does not run it either
PADDLE = ("resnet18", "resnet50", "resnext50_32x4d", "squeezenet1_1", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small",
          "mobilenet_v3_large", "shufflenet_v2_x0_5", "shufflenet_v2_swish", "densenet121", "inception_v3")
HALF = ("squeezenet1_1", "resnet18", "mobilenet_v2", "googlenet", "shufflenet_v2_x0_5", "regnet_x_400mf", "densenet121",
        "resnet50", "resnext50_32x4d", "efficientnet_b0")
warnings.filterwarnings("ignore")
random = np.random.default_rng(1)
onnxruntime.set_default_logger_severity(3)


def torch_network(name):
    import torch
    import torchvision
    torch.manual_seed(2)
    extra = {"init_weights": True, "aux_logits": False} if name == "googlenet" else {}
    net = getattr(torchvision.models, name)(weights=None, **extra)
    with torch.no_grad():  # statistics of a few batches, so that numbers neither vanish nor explode
        for _ in range(4):
            net(torch.randn(8, 3, SIDE, SIDE))
    return net.eval()


def torch_script(folder, name):
    import torch
    old = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(torch_network(name), torch.randn(1, 3, SIDE, SIDE), str(folder / "net.onnx"), opset_version=17,
                      input_names=["x"], dynamic_axes={"x": {0: "batch"}}, **old)


def torch_dynamo(folder, name):
    import torch
    torch.onnx.export(torch_network(name), (torch.randn(2, 3, SIDE, SIDE),), str(folder / "net.onnx"), dynamo=True,
                      dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},), verbose=False)


def tf2onnx(folder, name):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf
    import tf2onnx
    net = getattr(tf.keras.applications, name)(weights=None, input_shape=(SIDE, SIDE, 3), classes=100, classifier_activation=None)
    spec = [tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32, name="x")]
    tf2onnx.convert.from_function(tf.function(lambda x: net(x, training=False)), spec, opset=17,
                                  output_path=str(folder / "net.onnx"))


def paddle2onnx(folder, name):
    os.environ.setdefault("POLYGRAPHY_AUTOINSTALL_DEPS", "0")  # else its optimizer installs packages that it misses
    import paddle
    import paddle2onnx  # which paddle.onnx.export calls
    paddle.seed(2)
    net = getattr(paddle.vision.models, name)(pretrained=False)
    with paddle.no_grad():  # statistics, as above
        for _ in range(4):
            net(paddle.randn([8, 3, SIDE, SIDE]))
    net.eval()
    paddle.onnx.export(net, str(folder / "net"), opset_version=17,
                       input_spec=[paddle.static.InputSpec([None, 3, SIDE, SIDE], "float32", "x")])


def half_common(folder, name):
    from onnxconverter_common import float16
    torch_script(folder, name)
    onnx.save(float16.convert_float_to_float16(onnx.load(folder / "net.onnx"), keep_io_types=True), folder / "net.onnx")


def half_runtime(folder, name):
    from onnxruntime.transformers.float16 import convert_float_to_float16
    torch_script(folder, name)
    onnx.save(convert_float_to_float16(onnx.load(folder / "net.onnx"), keep_io_types=True), folder / "net.onnx")


def optimized(folder, name):
    torch_script(folder, name)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folder / "basic.onnx")
    onnxruntime.InferenceSession(str(folder / "net.onnx"), options, providers=["CPUExecutionProvider"])
    (folder / "basic.onnx").rename(folder / "net.onnx")


EXPORTERS = {"torch-script": (torch_script, TORCH), "torch-dynamo": (torch_dynamo, TORCH), "tf2onnx": (tf2onnx, KERAS),
             "paddle2onnx": (paddle2onnx, PADDLE),
             "onnxconverter-common-float16": (half_common, HALF), "onnxruntime-float16": (half_runtime, HALF),
             "onnxruntime-optimized": (optimized, HALF)}


def runtime_logits(path, pictures):
    model = onnx.load(path)
    half = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in model.graph.initializer)
    session = onnxruntime.InferenceSession(widened(model).SerializeToString() if half else str(path),
                                           providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    last = source.shape[3] == 3
    x = pictures.transpose(0, 2, 3, 1) if last else pictures
    return session.run(None, {source.name: np.ascontiguousarray(x)})[0].reshape(N, -1)


def compare(tool, path):
    pictures = random.standard_normal((N, 3, SIDE, SIDE)).astype(np.float32)
    (path.parent / "pictures").write_bytes(pictures.tobytes())
    expected = runtime_logits(path, pictures)
    done = subprocess.run([tool, "-", str(path.parent / "pictures"), str(N), str(SIDE), str(path)], capture_output=True)
    if done.returncode:
        message = done.stderr.decode().strip().splitlines()[-1]
        return "refused: " + re.sub(r"^file_logits: \S+: ", "", message)[:150]
    got = np.frombuffer(done.stdout, np.float32).reshape(N, -1)
    return f"{(np.abs(got - expected).max(1) / np.abs(expected).max(1)).max():.1e}"


def main():
    tool, *wanted = sys.argv[1:]
    for exporter, (export, networks) in EXPORTERS.items():
        for name in networks if not wanted or exporter in wanted else ():
            with tempfile.TemporaryDirectory() as folder:
                try:
                    export(pathlib.Path(folder), name)
                except ImportError as error:
                    print(f"| {exporter} | | not here: {error} |", flush=True)
                    break
                except Exception as error:
                    print(f"| {exporter} | {name} | not exported: {str(error).splitlines()[0][:100]} |", flush=True)
                    continue
                print(f"| {exporter} | {name} | {compare(tool, pathlib.Path(folder) / 'net.onnx')} |", flush=True)


main()
