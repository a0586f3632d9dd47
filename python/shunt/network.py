"""Any network from a file: its inputs and outputs as they are declared, and running it with NumPy arrays."""
from __future__ import annotations

import ctypes
import dataclasses
import os
from typing import Any, Iterable, Mapping, Sequence

import numpy as np

from . import _c
from .arrays import as_array
from .device import Device
from .errors import InvalidError, UnsupportedError
from .executor import Executor

# ONNX's types of elements: NumPy's type and the word in ONNX Runtime's "tensor(float)".
TYPES = {"FLOAT": (np.float32, "float"), "DOUBLE": (np.float64, "double"), "FLOAT16": (np.float16, "float16"),
         "BFLOAT16": (np.uint16, "bfloat16"), "INT8": (np.int8, "int8"), "INT16": (np.int16, "int16"),
         "INT32": (np.int32, "int32"), "INT64": (np.int64, "int64"), "UINT8": (np.uint8, "uint8"),
         "UINT16": (np.uint16, "uint16"), "UINT32": (np.uint32, "uint32"), "UINT64": (np.uint64, "uint64"),
         "BOOL": (np.bool_, "bool"), "STRING": (np.object_, "string")}
_NAMES = {np.dtype(kind): name for name, (kind, _) in TYPES.items() if name not in ("BFLOAT16", "STRING")}


@dataclasses.dataclass(frozen=True)
class Port:
    """An input or an output."""

    name: str
    type: str  #: of the elements, as ONNX calls it: "FLOAT"
    shape: tuple[int | str | None, ...] | None  #: an open dimension is its name or None; None: the file does not say
    _index: int = -1
    _made: tuple[int, ...] = ()

    @property
    def dtype(self) -> np.dtype:
        """NumPy's type of its elements; bfloat16, which NumPy has not, are its bits as uint16."""
        return np.dtype(TYPES[self.type][0])


def _port(port: _c.Port) -> Port:
    shape = None
    if port.rank >= 0:
        shape = tuple(port.dims[i] if port.dims[i] >= 0 else _c.decode(port.axes[i]) for i in range(port.rank))
    return Port(_c.decode(port.name), _c.decode(port.type), shape, port.index, tuple(port.shape[:port.shape_rank]))


def _read_constant(port: _c.Port) -> np.ndarray:
    """A copy of a constant output's data."""
    shape, kind = tuple(port.shape[:port.shape_rank]), np.dtype(TYPES[_c.decode(port.type)][0])
    count = int(np.prod(shape, dtype=np.int64))
    if kind == np.object_:
        texts = ctypes.cast(port.data, ctypes.POINTER(ctypes.c_char_p))
        return np.array([texts[i].decode("utf-8", "replace") for i in range(count)], object).reshape(shape)
    return np.frombuffer(ctypes.string_at(port.data, count * kind.itemsize), kind).reshape(shape).copy()


def _known(name: str, shape: Sequence[int], array: np.ndarray | None = None, kind: str | None = None):
    """What is known of an input beforehand; returns what has to be kept, too."""
    known = _c.ImportInput(name=name.encode(), rank=len(shape))
    known.dims[:len(shape)] = shape
    if array is None:
        return known, None
    if array.dtype.kind in "OUS":
        texts = [value if isinstance(value, bytes) else str(value).encode() for value in array.ravel()]
        kept = (ctypes.c_char_p * max(len(texts), 1))(*texts)
        known.type, known.data = b"STRING", ctypes.cast(kept, ctypes.c_void_p)
        return known, kept
    kept = np.ascontiguousarray(array)
    kind = kind if kind == "BFLOAT16" and kept.dtype == np.uint16 else _NAMES.get(kept.dtype)
    if kind is None:
        raise UnsupportedError(f"input '{name}': an array of {kept.dtype}")
    known.type, known.data = kind.encode(), kept.ctypes.data
    return known, kept


class Network(_c.Handle):
    """A network from an ONNX file, or from a weight file that says of which network it is; a path or the file's bytes. `shapes` close
    dimensions that the file leaves open; `constants` are inputs whose value is known, which some operators need."""

    _end = "shunt_network_destroy"

    def __init__(self, source: str | os.PathLike | bytes, *, shapes: Mapping[str, Sequence[int]] | None = None,
                 constants: Mapping[str, Any] | None = None, _ports_only: bool = False, _kinds: Mapping[str, str] = {}):
        known = [_known(name, shape) for name, shape in (shapes or {}).items()]
        for name, value in (constants or {}).items():
            array = np.asarray(value)
            known.append(_known(name, array.shape, array, _kinds.get(name)))
        inputs = (_c.ImportInput * max(len(known), 1))(*[entry for entry, _ in known])
        options = _c.sized(_c.ImportOptions, inputs=inputs, ninputs=len(known), ports_only=_ports_only)
        if isinstance(source, bytes):
            super().__init__(_c.made("shunt_import_bytes", source, len(source), options))
        else:
            super().__init__(_c.made("shunt_import", _c.encode(source), options))
        inputs, outputs = self._ports("shunt_network_input"), self._ports("shunt_network_output")
        self.inputs: list[Port] = [_port(port) for port in inputs]
        self.outputs: list[Port] = [_port(port) for port in outputs]
        self.constants = {_c.decode(port.name): _read_constant(port) for port in outputs if port.data}

    def _ports(self, function) -> list[_c.Port]:
        found, entry = [], getattr(_c.lib, function)(self._pointer, 0)
        while entry:
            found.append(entry.contents)
            entry = getattr(_c.lib, function)(self._pointer, len(found))
        return found

    @property
    def values(self) -> list[str]:
        """The names of all values in the network, as `cut` takes them."""
        return value_names(_c.lib.shunt_network_graph(self._pointer))

    def executor(self, device: Device, precision: str | None = None, *, streams: int = 1) -> Executor:
        """The network on a device, in a precision and with streams as Executor takes them."""
        graph, weights = _c.lib.shunt_network_graph(self._pointer), _c.lib.shunt_network_weights(self._pointer)
        return Executor(graph, weights, device, self, noutputs=sum(port._index >= 0 for port in self.outputs),
                        precision=precision, streams=streams)

    def cut(self, names: Iterable[str], device: Device) -> Executor:
        """The network up to the values of these names, which are its results: embeddings, feature maps."""
        graph, weights = _c.lib.shunt_network_graph(self._pointer), _c.lib.shunt_network_weights(self._pointer)
        return cut_executor(graph, weights, list(names), device, self)


class Graph(_c.Handle):
    _end = "shunt_graph_destroy"


def cut_executor(graph, weights, names: list[str], device: Device, owner) -> Executor:
    cut = Graph(_c.made("shunt_graph_cut", graph, _c.names(names), len(names)))
    return Executor(cut._pointer, weights, device, owner, noutputs=len(names))


def value_names(graph) -> list[str]:
    names, number = [], 0
    while (name := _c.lib.shunt_graph_value_name(graph, number)) is not None:
        names += [_c.decode(name)] if name else []
        number += 1
    return names


class Runner:
    """Runs a file for whatever inputs come, by name. It is imported anew for shapes that have not been seen, since what depends on
    shapes alone is computed at import, and for each value of an input that has to be constant.

    Inputs are given at each run if float32 holds them exactly. Otherwise, and where an operator wants it so, they become constants:
    all but the first, or all. The last resort is to compute in float32 what the file has in other floating-point types."""

    KEPT = 8  #: imports
    ATTEMPTS = ("exact", "first", "none", "rounded")

    def __init__(self, source: str | os.PathLike | bytes, device: Device):
        self.source, self.device = source, device
        with Network(source, _ports_only=True) as listed:
            self.inputs, self.outputs = listed.inputs, listed.outputs
        self._kinds = {port.name: port.type for port in self.inputs}
        self._attempt = 0  #: the first that has not failed so far
        self._made: dict[Any, tuple[Network, Executor | None, list[Port]]] = {}
        self._repeat: tuple[list[tuple[str, tuple[int, ...]]], Executor, Any, list[str]] | None = None

    def run(self, feed: Mapping[str, Any], strict: bool = False) -> dict[str, np.ndarray]:
        """All outputs, by name. strict: inputs have to be of the shapes that the file declares, also where it makes no difference."""
        return self._run_again(feed) or self._run_any(feed, strict)

    def _run_again(self, feed):
        """The short way where everything is as in the last call: float32 of the same shapes, used where it lies."""
        if not self._repeat:
            return None
        wanted, executor, plan, outputs = self._repeat
        arrays = []
        for name, shape in wanted:
            array = feed[name]
            if type(array) is not np.ndarray or array.dtype is not _FLOAT or array.shape != shape or not array.flags.c_contiguous:
                return None
            arrays.append(array)
        return dict(zip(outputs, executor._call(plan, arrays)))

    def _remember(self, arrays, network, executor, given):
        """If the next call can go the short way: nothing is bound, and nothing is converted or constant."""
        ports = sorted(network.outputs, key=lambda port: port._index)
        same = [(port.name, arrays[port.name].shape) for port in given]
        if len(given) != len(arrays) or any(arrays[name].dtype is not _FLOAT or not shape for name, shape in same):
            return
        if all(port._index == i and port.type == "FLOAT" and port._made for i, port in enumerate(ports)):
            self._repeat = same, executor, executor._plan(tuple([shape for _, shape in same])), [port.name for port in ports]

    def _run_any(self, feed, strict):
        self._repeat = None
        arrays = {port.name: _typed(feed[port.name], port) for port in self.inputs}
        if strict:
            for port in self.inputs:
                _check_shape(arrays[port.name], port)
        network, executor, given = self._find(arrays)
        results = dict(network.constants)
        if executor is None:
            return results
        computed = executor.run([_given(arrays[port.name], port) for port in given])
        for port in network.outputs:
            if port._index >= 0:
                array = computed[port._index]
                results[port.name] = _finished(array, port)
        self._remember(arrays, network, executor, given)
        return results

    def _find(self, arrays):
        shapes = tuple([array.shape for array in arrays.values()])
        error: Exception | None = None
        for number in range(self._attempt, len(self.ATTEMPTS)):
            attempt = self.ATTEMPTS[number]
            bound = {name: array for i, (name, array) in enumerate(arrays.items())
                     if not array.size or self._is_bound(attempt, i, name)}
            key = (attempt, shapes, tuple((name, _bytes_of(array)) for name, array in bound.items()))
            try:
                made = self._made.get(key) or self._import(arrays, bound)
            except (InvalidError, UnsupportedError) as failed:
                error = error or failed
                continue
            if attempt != "rounded" and not self._is_exact(made[0], bound):
                continue
            self._attempt = number
            self._keep(key, made)
            return made
        raise error

    def _is_bound(self, attempt, i, name):
        kind = self._kinds[name]
        if attempt == "rounded":
            return kind not in _EXACT + _WIDE
        return kind not in _EXACT or attempt == "none" or (attempt == "first" and i > 0)

    def _is_exact(self, network, bound):
        """Whether nothing is rounded that the file does not round."""
        computed = [port.type for port in network.outputs if port._index >= 0]
        wide = any(self._kinds[name] in _WIDE for name in bound)
        return all(kind in _EXACT for kind in computed) and not (wide and computed)

    def _import(self, arrays, bound):
        shapes = {name: array.shape for name, array in arrays.items() if name not in bound}
        network = Network(self.source, shapes=shapes, constants=bound, _kinds=self._kinds)
        given = sorted((port for port in network.inputs if port._index >= 0), key=lambda port: port._index)
        computes = any(port._index >= 0 for port in network.outputs)
        return network, network.executor(self.device) if computes else None, given

    def _keep(self, key, made):
        self._made.pop(key, None)
        if len(self._made) == self.KEPT:
            self._made.pop(next(iter(self._made)))
        self._made[key] = made


_FLOAT = np.dtype(np.float32)


_EXACT = ("FLOAT", "INT8", "UINT8", "INT16", "UINT16")  # in float32
_WIDE = ("FLOAT16", "BFLOAT16", "DOUBLE")


def _typed(value, port: Port) -> np.ndarray:
    array = as_array(value)
    if port.dtype == np.object_:
        return array.astype(object)
    if array.dtype != port.dtype:
        raise InvalidError(f"input '{port.name}' is an array of {array.dtype}; the network takes {port.dtype}")
    return array


def _check_shape(array: np.ndarray, port: Port) -> None:
    if port.shape is not None and (len(port.shape) != array.ndim or
                                   any(type(dim) is int and dim != other for dim, other in zip(port.shape, array.shape))):
        raise InvalidError(f"input '{port.name}' is an array of {array.shape}; the network takes {port.shape}")


def _bytes_of(array: np.ndarray):
    return tuple(array.ravel()) if array.dtype == np.object_ else array.tobytes()


def _given(array: np.ndarray, port: Port) -> np.ndarray:
    """As the graph takes it."""
    if port.type == "BFLOAT16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array if array.ndim else array.reshape(1)


def _finished(array: np.ndarray, port: Port) -> np.ndarray:
    if array.ndim != len(port._made):
        array = array.reshape(port._made)
    if array.dtype == port.dtype:
        return array
    if port.type == "BFLOAT16":
        bits = array.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return array.astype(port.dtype)
