"""What a failed call raises: one class for each status of the library, with the library's own message."""


class ShuntError(Exception):
    """A call of libshunt failed. `status` is its number (types.h)."""

    status = 0


class InvalidError(ShuntError, ValueError):
    """An argument, or what a file holds, is wrong."""

    status = 1


class UnsupportedError(ShuntError, NotImplementedError):
    """Well formed, but not something that this build or device does."""

    status = 2


class NotFoundError(ShuntError, LookupError):
    """No such file, device, model or value."""

    status = 3


class OutOfMemoryError(ShuntError, MemoryError):
    """Host or device memory refused."""

    status = 4


class InputOutputError(ShuntError, OSError):
    """Reading or writing failed."""

    status = 5


class DeviceError(ShuntError, RuntimeError):
    """A driver or library call failed, or a device computes wrong results."""

    status = 6


class AbiError(ShuntError, RuntimeError):
    """A plugin does not fit this library."""

    status = 7


BY_STATUS = {kind.status: kind for kind in (InvalidError, UnsupportedError, NotFoundError, OutOfMemoryError,
                                            InputOutputError, DeviceError, AbiError)}
