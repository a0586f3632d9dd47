"""Shunt: residual networks, and other convolutional ones, on the devices that a machine has.

    import shunt
    device = shunt.Device()                               # the best there is
    model = shunt.Model.open("resnet20.safetensors")
    for guess in model.classify("plane.jpg", device):
        print(f"{guess.probability:6.1%}  {guess.label}")

Arrays are NumPy's; contiguous float32 is used where it lies. What fails raises a ShuntError, whose text says what was tried, why it
failed and what to do. One object is used by one thread at a time; a device may be shared."""
from . import _c
from .data import Dataset, Preprocess, read_image
from .device import Check, Device, DeviceInfo, devices
from .errors import (AbiError, DeviceError, InputOutputError, InvalidError, NotFoundError, OutOfMemoryError, ShuntError,
                     UnsupportedError)
from .executor import Executor, Precision, Run
from .model import Guess, Model, Score
from .network import Network, Port
from .session import InferenceSession, NodeArg
from .train import Recipe, Trainer
from .weights import Weights

__version__ = _c.decode(_c.lib.shunt_version())


def set_option(key: str, value: str | None) -> None:
    """Overrides the environment's SHUNT_<KEY>; None: the environment again. Before the first use of what it is about."""
    _c.lib.shunt_set_option(_c.encode(key), _c.encode(value))


__all__ = ["AbiError", "Check", "Dataset", "Device", "DeviceError", "DeviceInfo", "Executor", "Guess", "InferenceSession",
           "InputOutputError", "InvalidError", "Model", "Network", "NodeArg", "NotFoundError", "OutOfMemoryError", "Port", "Precision",
           "Preprocess", "Recipe", "Run", "Score", "ShuntError", "Trainer", "UnsupportedError", "Weights", "devices", "read_image",
           "set_option"]
