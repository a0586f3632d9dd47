"""Pictures, how they are prepared for a network, and data sets."""
from __future__ import annotations

import ctypes
import os
from typing import Any, Iterator, Sequence

import numpy as np

from . import _c
from .arrays import frames_of, image_of

FILTERS, CHANNELS, RANGES = ("bilinear", "bicubic"), ("rgb", "bgr", "gray"), (1, 255)


def read_image(path: str | os.PathLike) -> np.ndarray:
    """A JPEG, PNG, PPM or PGM as height x width x 3 bytes, RGB."""
    image = _c.Image()
    _c.lib.shunt_image_read(_c.encode(path), image)
    return image_of(image)


class Preprocess:
    """How pictures are prepared: resized, cropped, normalised. `preset`: "imagenet", "cifar10" ...; then any field as a text, as the
    command's options take it: Preprocess("imagenet", crop="192")."""

    def __init__(self, preset: str = "imagenet", **fields: str):
        self._struct = _c.PreprocessStruct()
        _c.lib.shunt_preprocess_preset(_c.encode(preset), self._struct)
        for field, text in fields.items():
            _c.lib.shunt_preprocess_set(self._struct, _c.encode(field), _c.encode(str(text)))

    @classmethod
    def _of(cls, struct: _c.PreprocessStruct) -> Preprocess:
        made = cls.__new__(cls)
        made._struct = _c.PreprocessStruct.from_buffer_copy(struct)
        return made

    resize = property(lambda self: self._struct.resize, doc="The short side before the crop.")
    crop = property(lambda self: self._struct.crop, doc="Height and width of what the network gets.")
    mean = property(lambda self: tuple(self._struct.mean))
    std = property(lambda self: tuple(self._struct.std))
    filter = property(lambda self: FILTERS[self._struct.filter])
    channels = property(lambda self: CHANNELS[self._struct.channels])

    def __call__(self, pictures: Sequence[Any] | np.ndarray, pixels: str = "RGB") -> np.ndarray:
        """The batch for pictures in memory: N x channels x crop x crop float32. Each is height x width x channels of bytes; one
        picture is a batch of one."""
        kept, frames = frames_of(listed(pictures), pixels)
        batch = np.empty((len(kept), _c.lib.shunt_preprocess_planes(self._struct), self.crop, self.crop), np.float32)
        _c.lib.shunt_preprocess_frames(self._struct, frames, len(kept), batch.ctypes.data)
        return batch

    def __repr__(self) -> str:
        name = _c.decode(_c.lib.shunt_preprocess_name(self._struct))
        return f"<shunt.Preprocess {name or 'own'}: resize {self.resize}, crop {self.crop}>"


def listed(pictures) -> list:
    """One picture, a list of them, or an array of N x H x W x C."""
    if isinstance(pictures, (list, tuple)):
        return list(pictures)
    array = np.asarray(pictures)
    return list(array) if array.ndim == 4 else [array]


class Dataset(_c.Handle):
    """A data set by its kind and place: "cifar10:DIR", "cifar100:DIR", "imagefolder:DIR", "pictures:DIR". A sequence of pairs of a
    picture (height x width x 3 bytes) and its class."""

    _end = "shunt_dataset_close"

    def __init__(self, spec: str, split: str | None = None, labels: str | os.PathLike | None = None):
        self.spec = spec
        super().__init__(_c.made("shunt_dataset_open_labelled", _c.encode(spec), _c.encode(split), _c.encode(labels)))

    def __len__(self) -> int:
        return _c.lib.shunt_dataset_count(self._pointer)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        image, label = _c.Image(), ctypes.c_int64()
        _c.lib.shunt_dataset_get(self._pointer, index, image, label)
        return image_of(image), label.value

    def __iter__(self) -> Iterator[tuple[np.ndarray, int]]:
        return (self[i] for i in range(len(self)))

    @property
    def classes(self) -> list[str | None]:
        count = _c.lib.shunt_dataset_classes(self._pointer)
        return [_c.decode(_c.lib.shunt_dataset_label(self._pointer, i)) for i in range(count)]

    def picture(self, index: int) -> str | None:
        """The picture's file, relative to the data set's folder."""
        return _c.decode(_c.lib.shunt_dataset_picture(self._pointer, index))
