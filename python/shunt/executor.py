"""A graph made ready for a device."""
from __future__ import annotations

import ctypes
from typing import Any, NamedTuple, Sequence

import numpy as np

from . import _c
from .arrays import DTYPES, as_float32, desc_of, shape_of
from .errors import InvalidError


class _Plan:
    """The structs of a call for inputs of these shapes; a call only puts addresses in."""

    def __init__(self, executor, shapes):
        self.inputs = (_c.Tensor * max(len(shapes), 1))()
        descs = (_c.TensorDesc * max(len(shapes), 1))()
        for tensor, desc, shape in zip(self.inputs, descs, shapes):
            tensor.desc = desc_of(np.empty(shape, np.float32)) if 0 in shape else _desc(shape)
            ctypes.pointer(desc)[0] = tensor.desc
        self.outputs = (_c.Tensor * executor._noutputs)()
        self.each_input, self.each_output = list(self.inputs)[:len(shapes)], list(self.outputs)
        self.shapes = []
        for i, tensor in enumerate(self.outputs):
            _c.lib.shunt_executor_output(executor._pointer, descs, len(shapes), i, tensor.desc)
            self.shapes.append((shape_of(tensor.desc), DTYPES[tensor.desc.dtype]))


def _desc(shape):
    if len(shape) > _c.MAX_RANK:
        raise InvalidError(f"an array of rank {len(shape)}; at most {_c.MAX_RANK}")
    return _c.TensorDesc(_c.F32, len(shape), 1, 0, shape)


class Precision(NamedTuple):
    """What data is stored in while a network runs: what was asked for, what is taken, and why."""

    asked: str
    taken: str
    reason: str


class Run(_c.Handle):
    """A run that was submitted. It keeps the arrays that it reads and writes; ending it waits for the run."""

    _end = "shunt_event_release"

    def __init__(self, pointer, executor, inputs, outputs):
        super().__init__(pointer, executor)
        self._inputs, self._outputs = inputs, outputs

    @property
    def done(self) -> bool:
        """Whether the run is done; does not wait."""
        over = ctypes.c_int()
        _c.lib.shunt_event_poll(self._pointer, over)
        return bool(over.value)

    def wait(self) -> list[np.ndarray]:
        """Waits for the end, and returns the results."""
        _c.lib.shunt_event_wait(self._pointer)
        return self._outputs

    def _finish(self):
        _wait(self._pointer)
        super()._finish()


class Executor(_c.Handle):
    """Runs a graph with weights on a device. `owner` has both and outlives the executor (Network, Model). precision: "f32", "f16",
    "bf16", or "fast", what tuning recorded; None: what SHUNT_PRECISION says. streams: how many submitted runs the device may do at the
    same time."""

    _end = "shunt_executor_destroy"

    def __init__(self, graph, weights, device, *owners, noutputs: int, precision: str | None = None, streams: int = 1):
        options = _c.sized(_c.ExecutorOptions, precision=_c.encode(precision), streams=streams)
        super().__init__(_c.made("shunt_executor_create_with", graph, weights, device._pointer, options), device, *owners)
        self._noutputs, self._plans = noutputs, {}

    def _plan(self, shapes):
        plan = self._plans.get(shapes)
        if plan is None:
            plan = _Plan(self, shapes)
            if len(self._plans) == 32:
                self._plans.pop(next(iter(self._plans)))
            self._plans[shapes] = plan
        return plan

    def run(self, inputs: Sequence[Any], outputs: Sequence[np.ndarray] | None = None) -> list[np.ndarray]:
        """The graph's results for these inputs. Contiguous float32 is used where it lies, everything else is converted. `outputs`:
        arrays to write the results to, contiguous float32 of the right shapes; None: new ones."""
        plan, arrays = self._take(inputs, outputs)
        return self._call(plan, arrays, outputs)

    def submit(self, inputs: Sequence[Any], outputs: Sequence[np.ndarray] | None = None) -> Run:
        """As run, but without waiting: starts the run. Do not write to the arrays before the run is done."""
        plan, arrays = self._take(inputs, outputs)
        outputs, pointer = self._place(plan, arrays, outputs), ctypes.c_void_p()
        _c.lib.shunt_executor_submit(self._pointer, plan.inputs, len(arrays), plan.outputs, len(outputs), None, pointer)
        return Run(pointer, self, arrays, outputs)

    def _take(self, inputs, outputs):
        arrays = [as_float32(value) for value in inputs]
        plan = self._plan(tuple([array.shape for array in arrays]))
        if outputs is not None and (len(outputs) != len(plan.shapes) or not all(map(_fits, outputs, plan.shapes))):
            raise InvalidError(f"outputs have to be contiguous arrays of {[shape for shape, _ in plan.shapes]}")
        return plan, arrays

    def _place(self, plan, arrays, outputs):
        for tensor, array in zip(plan.each_input, arrays):
            tensor.data = array.__array_interface__["data"][0]
        outputs = [np.empty(shape, kind) for shape, kind in plan.shapes] if outputs is None else list(outputs)
        for tensor, array in zip(plan.each_output, outputs):
            tensor.data = array.__array_interface__["data"][0]
        return outputs

    def _call(self, plan, arrays, outputs=None):
        """A run with arrays that are as the plan wants them."""
        outputs = self._place(plan, arrays, outputs)
        status = _run(self._pointer, plan.inputs, len(arrays), plan.outputs, len(outputs))
        if status:
            _c.fail(status)
        return outputs

    @property
    def precision(self) -> Precision:
        """Of most runs so far; there must have been one."""
        found = _c.PrecisionStruct()
        _c.lib.shunt_executor_precision(self._pointer, found)
        return Precision(_c.decode(found.asked), _c.decode(found.taken), _c.decode(found.reason))

    def tune(self, shapes: Sequence[Sequence[int]], *, full: bool = False, safe_only: bool = True, precisions: bool = False,
             force: bool = False) -> None:
        """Finds the fastest algorithms for inputs of these shapes and keeps them for later runs (`shunt tune`). A candidate that is
        not known to be safe may crash the process; with safe_only it is left out. precisions: also records what "fast" is. force:
        even if the machine is busy."""
        descs = (_c.TensorDesc * max(len(shapes), 1))(*[_desc(tuple(shape)) for shape in shapes])
        options = _c.sized(_c.TuneOptions, full=full, safe_only=safe_only, precisions=precisions, force=force)
        _c.lib.shunt_executor_tune(self._pointer, descs, len(shapes), options)


# Without the detour of errcheck, which costs as much as the call.
_run, _wait = _c.plain("shunt_executor_run"), _c.plain("shunt_event_wait")


def _fits(array, wanted):
    shape, kind = wanted
    return array.shape == shape and array.dtype == kind and array.flags.c_contiguous and array.flags.writeable
