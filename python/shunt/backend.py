"""Shunt as a backend of ONNX's own tests (onnx.backend.base): `onnx.backend.test.BackendTest(shunt.backend, __name__)`. Needs the
Python package onnx."""
from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx.backend.base import Backend, BackendRep, namedtupledict

from .device import Device
from .errors import ShuntError
from .network import Runner


class ShuntBackendRep(BackendRep):
    """A model that is ready to run."""

    def __init__(self, runner: Runner):
        self._runner = runner

    def run(self, inputs: Any, **kwargs: Any) -> tuple:
        """The outputs, by position and by name."""
        if isinstance(inputs, np.ndarray):
            inputs = [inputs]
        names = [port.name for port in self._runner.inputs]
        feed = dict(inputs) if isinstance(inputs, dict) else dict(zip(names, inputs))
        results = self._runner.run(feed)
        outputs = [port.name for port in self._runner.outputs]
        return namedtupledict("Outputs", outputs)(*[results[name] for name in outputs])


class ShuntBackend(Backend):
    """Devices are "CPU", which is plain C, or a selector of Shunt's."""

    _devices: dict[str, Device] = {}

    @classmethod
    def _device(cls, name: str) -> Device:
        selector = "scalar" if name.startswith("CPU") else name
        if selector not in cls._devices:
            cls._devices[selector] = Device(selector)
        return cls._devices[selector]

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> ShuntBackendRep:
        return ShuntBackendRep(Runner(model.SerializeToString(), cls._device(device)))

    @classmethod
    def run_node(cls, node: onnx.NodeProto, inputs: Any, device: str = "CPU", outputs_info: Any = None, **kwargs: Any) -> tuple:
        """A model of this one node."""
        arrays = [np.asarray(value) for value in inputs]
        infos = [onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
                                                    if hasattr(onnx.helper, "np_dtype_to_tensor_dtype")
                                                    else onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[array.dtype], array.shape)
                 for name, array in zip(node.input, arrays)]
        outputs = [onnx.helper.make_empty_tensor_value_info(name) if hasattr(onnx.helper, "make_empty_tensor_value_info")
                   else onnx.ValueInfoProto(name=name) for name in node.output]
        opset = onnx.helper.make_opsetid("", kwargs.get("opset_version", 17))
        model = onnx.helper.make_model(onnx.helper.make_graph([node], "node", infos, outputs), opset_imports=[opset])
        return cls.prepare(model, device).run(arrays)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        try:
            cls._device(device)
            return True
        except ShuntError:
            return False


prepare = ShuntBackend.prepare
run_model = ShuntBackend.run_model
run_node = ShuntBackend.run_node
supports_device = ShuntBackend.supports_device
is_compatible = ShuntBackend.is_compatible
