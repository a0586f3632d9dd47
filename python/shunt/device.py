"""Devices: which there are, opening one, checking what it computes."""
from __future__ import annotations

import ctypes
import dataclasses
from typing import Callable

from . import _c
from .errors import DeviceError, InvalidError


@dataclasses.dataclass(frozen=True)
class DeviceInfo:
    """What a driver says of a device."""

    selector: str  #: what Device takes: "opencl:0"
    name: str
    vendor: str
    platform: str
    driver: str
    memory: int  #: bytes


def _info(entry) -> DeviceInfo:
    info = entry.info.contents
    texts = [_c.decode(getattr(info, field)) for field in ("name", "vendor", "platform", "driver")]
    return DeviceInfo(_c.decode(entry.selector), *texts, info.memory)


def devices() -> list[DeviceInfo]:
    """All devices that can be opened."""
    listed = _c.made("shunt_devices_list")
    try:
        return [_info(_c.lib.shunt_devices_at(listed, i).contents) for i in range(_c.lib.shunt_devices_count(listed))]
    finally:
        _c.lib.shunt_devices_free(listed)


@dataclasses.dataclass(frozen=True)
class Check:
    """The result of one check of Device.verify. `problem` is empty if it passed."""

    name: str
    cases: int
    runs: int
    refusals: int
    problem: str
    again: str  #: options of the command `shunt verify` that repeat it


class Device(_c.Handle):
    """A device by its selector: "scalar", "opencl", "opencl:0", "opencl:gpu", "onednn", "auto". None: the environment's
    SHUNT_DEVICE, or the best there is. `params`: "key=value,..." as the backend knows them."""

    _end = "shunt_device_close"

    def __init__(self, selector: str | None = None, params: str | None = None):
        super().__init__(_c.made("shunt_device_open", _c.encode(selector), _c.encode(params)))

    @property
    def info(self) -> DeviceInfo:
        entry = _c.lib.shunt_device_describe(self._pointer)
        if not entry:
            raise InvalidError("Device is closed")
        return _info(entry.contents)

    def __repr__(self) -> str:
        return f"<shunt.Device {self.info.selector}>" if self._pointer else "<shunt.Device, closed>"

    def measure(self) -> tuple[float, float]:
        """The device's peak, measured now: operations and bytes a second."""
        flops, moved = ctypes.c_double(), ctypes.c_double()
        _c.lib.shunt_device_measure(self._pointer, flops, moved)
        return flops.value, moved.value

    def verify(self, op: str | None = None, *, seed: int = 1, count: int = 0,
               progress: Callable[[Check], None] | None = None) -> list[Check]:
        """Checks what the device computes, as `shunt verify` does. A wrong result is no exception: its check has a `problem`."""
        checks: list[Check] = []
        errors: list[BaseException] = []

        def take(_context, check):
            found = check.contents
            checks.append(Check(_c.decode(found.name), found.cases, found.runs, found.refusals, _c.decode(found.problem),
                                _c.decode(found.again)))
            try:
                if progress and not errors:
                    progress(checks[-1])
            except BaseException as error:  # C code is in between: it is raised again behind it
                errors.append(error)

        options = _c.sized(_c.VerifyOptions, op=_c.encode(op), seed=seed, count=count, only=-1,
                           handler=_c.VerifyHandler(take))
        try:
            _c.lib.shunt_device_verify(self._pointer, options)
        except DeviceError:
            if not any(check.problem for check in checks):
                raise
        if errors:
            raise errors[0]
        return checks
