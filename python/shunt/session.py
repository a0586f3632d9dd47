"""ONNX Runtime's call shape, so that trying Shunt in a script is one changed import:

    import shunt as ort
    session = ort.InferenceSession("net.onnx")
    logits, = session.run(None, {session.get_inputs()[0].name: pictures})
"""
from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

import numpy as np

from .device import Device
from .errors import InvalidError, ShuntError
from .network import TYPES, Port, Runner


class NodeArg:
    """An input or output as ONNX Runtime describes it."""

    def __init__(self, port: Port):
        self.name = port.name
        self.type = f"tensor({TYPES[port.type][1]})" if port.type in TYPES else port.type
        self.shape = [] if port.shape is None else list(port.shape)

    def __repr__(self) -> str:
        return f"NodeArg(name={self.name!r}, type={self.type!r}, shape={self.shape})"


class InferenceSession:
    """Runs an ONNX model, from a path or bytes. `providers` are selectors of devices, the first that can be opened is taken; names
    of ONNX Runtime's own providers ("CUDAExecutionProvider") and None mean the best device there is. `sess_options` and
    `provider_options` are taken and ignored."""

    def __init__(self, path_or_bytes: str | os.PathLike | bytes, sess_options: Any = None,
                 providers: Sequence[Any] | None = None, provider_options: Any = None, *, device: Device | None = None):
        self._device = device or _open_first(providers)
        source = bytes(path_or_bytes) if isinstance(path_or_bytes, (bytearray, memoryview)) else path_or_bytes
        self._runner = Runner(source, self._device)
        self._inputs = [NodeArg(port) for port in self._runner.inputs]
        self._outputs = [NodeArg(port) for port in self._runner.outputs]
        self._names = [port.name for port in self._outputs]
        self._wanted = {port.name for port in self._inputs}

    def get_inputs(self) -> list[NodeArg]:
        return self._inputs

    def get_outputs(self) -> list[NodeArg]:
        return self._outputs

    def get_providers(self) -> list[str]:
        return [self._device.info.selector]

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any],
            run_options: Any = None) -> list[np.ndarray]:
        """The outputs of these names, or all."""
        if input_feed.keys() != self._wanted:
            raise InvalidError(f"inputs are {sorted(self._wanted)}, and {sorted(input_feed)} were given")
        names = self._names if output_names is None else output_names
        for name in names:
            if name not in self._names:
                raise InvalidError(f"there is no output '{name}'; there are {self._names}")
        results = self._runner.run(input_feed, strict=True)
        return [results[name] for name in names]


def _open_first(providers) -> Device:
    names = [entry[0] if isinstance(entry, tuple) else entry for entry in providers or []]
    names = [name for name in names if not name.endswith("ExecutionProvider")]
    for i, name in enumerate(names):
        try:
            return Device(name)
        except ShuntError:
            if i == len(names) - 1:
                raise
    return Device()
