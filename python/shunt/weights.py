"""Named tensors, and files of them."""
from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Iterator

import numpy as np

from . import _c
from .arrays import as_array, copy_of, desc_of


class Weights(_c.Handle, Mapping):
    """A mapping from names to arrays, which are copies. `source`: a path, or the bytes of a file (safetensors, PyTorch, ONNX);
    None: empty."""

    _end = "shunt_weights_destroy"

    def __init__(self, source: str | os.PathLike | bytes | None = None):
        if source is None:
            super().__init__(_c.made("shunt_weights_create"))
        elif isinstance(source, bytes):
            super().__init__(_c.made("shunt_weights_open_bytes", source, len(source)))
        else:
            super().__init__(_c.made("shunt_weights_open", _c.encode(source)))

    def __getitem__(self, name: str) -> np.ndarray:
        view = _c.lib.shunt_weights_find(self._pointer, _c.encode(name))
        if not view:
            raise KeyError(name)
        return copy_of(view.contents.desc, view.contents.data)

    def __setitem__(self, name: str, value: Any) -> None:
        array = np.ascontiguousarray(as_array(value))
        _c.lib.shunt_weights_set(self._pointer, _c.encode(name), desc_of(array), array.ctypes.data)

    def __len__(self) -> int:
        return _c.lib.shunt_weights_count(self._pointer)

    def __iter__(self) -> Iterator[str]:
        for i in range(len(self)):
            yield _c.decode(_c.lib.shunt_weights_at(self._pointer, i).contents.name)

    @property
    def metadata(self) -> dict[str, str]:
        found, key = {}, _c.lib.shunt_weights_metadata_next(self._pointer, None)
        while key:
            found[_c.decode(key)] = _c.decode(_c.lib.shunt_weights_metadata(self._pointer, key))
            key = _c.lib.shunt_weights_metadata_next(self._pointer, key)
        return found

    def set_metadata(self, key: str, value: str) -> None:
        _c.lib.shunt_weights_set_metadata(self._pointer, _c.encode(key), _c.encode(value))

    def save(self, path: str | os.PathLike) -> None:
        """Writes a safetensors file, as a whole or not at all."""
        _c.lib.shunt_weights_save(self._pointer, _c.encode(path))


