"""Networks for pictures: classifying, embedding, evaluating."""
from __future__ import annotations

import ctypes
import dataclasses
import os
from typing import Any, Sequence

import numpy as np

from . import _c
from .arrays import as_float32, copy_of, frames_of
from .data import Dataset, Preprocess, listed
from .device import Device
from .errors import InvalidError
from .executor import Executor
from .network import cut_executor, value_names


@dataclasses.dataclass(frozen=True)
class Guess:
    """A class that a picture may show."""

    index: int
    label: str | None
    probability: float


@dataclasses.dataclass(frozen=True)
class Score:
    """The result of Model.evaluate."""

    pictures: int
    wrong: int
    loss: float  #: mean cross-entropy

    @property
    def error(self) -> float:
        return self.wrong / self.pictures


class Model(_c.Handle):
    """A network with weights, labels and preprocessing. Model("resnet50") has no weights yet; Model.open reads a file."""

    _end = "shunt_model_destroy"

    def __init__(self, name: str, *, classes: int = 0, shortcut: str = "", v1: bool = False, height: int = 0, width: int = 0):
        options = _options(classes=classes, shortcut=shortcut, v1=v1, height=height, width=width)
        super().__init__(_c.made("shunt_model_create", _c.encode(name), options))

    @classmethod
    def open(cls, source: str | os.PathLike | bytes, *, name: str | None = None, classes: int = 0, shortcut: str = "",
             v1: bool = False, height: int = 0, width: int = 0) -> Model:
        """A model from an ONNX file, or from weights that say of which network they are, or whose network is named here."""
        options = _options(name=name, classes=classes, shortcut=shortcut, v1=v1, height=height, width=width)
        model = cls.__new__(cls)
        if isinstance(source, bytes):
            pointer = _c.made("shunt_model_open_bytes", source, len(source), options)
        else:
            pointer = _c.made("shunt_model_open", _c.encode(source), options)
        _c.Handle.__init__(model, pointer)
        return model

    # ---- Weights, labels, preprocessing ----

    def load(self, path: str | os.PathLike) -> Model:
        """Reads a weight file with this network's tensors."""
        _c.lib.shunt_model_load(self._pointer, _c.encode(path))
        return self

    def adopt(self, path: str | os.PathLike, seed: int = 0) -> Model:
        """Reads weights to fine-tune; their classifier may be for other classes."""
        _c.lib.shunt_model_adopt(self._pointer, _c.encode(path), seed)
        return self

    def randomize(self, seed: int = 0) -> Model:
        """Random weights, the same for the same seed, to see the network run."""
        _c.lib.shunt_model_randomize(self._pointer, seed)
        return self

    def initialize(self, seed: int = 0) -> Model:
        """Weights to start training from."""
        _c.lib.shunt_model_initialize(self._pointer, seed)
        return self

    def save(self, path: str | os.PathLike) -> None:
        """Writes weights, labels and preprocessing as one safetensors file, which Model.open reads."""
        _c.lib.shunt_model_save(self._pointer, _c.encode(path))

    @property
    def name(self) -> str:
        return _c.decode(_c.lib.shunt_model_name(self._pointer))

    @property
    def classes(self) -> int:
        return _c.lib.shunt_model_classes(self._pointer)

    @property
    def labels(self) -> list[str] | None:
        found = [_c.lib.shunt_model_label(self._pointer, i) for i in range(_c.lib.shunt_model_outcomes(self._pointer))]
        return None if not found or found[0] is None else [_c.decode(label) for label in found]

    @labels.setter
    def labels(self, labels: Sequence[str]) -> None:
        if len(labels) != _c.lib.shunt_model_outcomes(self._pointer):
            raise InvalidError(f"{len(labels)} labels for {_c.lib.shunt_model_outcomes(self._pointer)} classes")
        _c.lib.shunt_model_set_labels(self._pointer, _c.names(list(labels)))

    @property
    def preprocess(self) -> Preprocess:
        struct = _c.lib.shunt_model_preprocess(self._pointer)
        return Preprocess._of(struct.contents) if struct else _closed(self)

    @preprocess.setter
    def preprocess(self, preprocess: Preprocess) -> None:
        _c.lib.shunt_model_set_preprocess(self._pointer, preprocess._struct)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Copies of all tensors, by name."""
        weights, found = _c.lib.shunt_model_weights(self._pointer), {}
        for i in range(_c.lib.shunt_weights_count(weights)):
            view = _c.lib.shunt_weights_at(weights, i).contents
            found[_c.decode(view.name)] = copy_of(view.desc, view.data)
        return found

    @property
    def values(self) -> list[str]:
        """The names of all values in the network, as `cut` and `embed` take them."""
        return value_names(_c.lib.shunt_model_graph(self._pointer))

    # ---- Running ----

    def run(self, images: Any, device: Device) -> np.ndarray:
        """Scores, N x classes, of preprocessed pictures, N x channels x height x width."""
        images = as_float32(images)
        graph = _c.lib.shunt_model_graph(self._pointer)
        planes = _c.lib.shunt_graph_desc(graph, _c.lib.shunt_graph_input_value(graph, 0)).dims[1]
        if images.ndim != 4 or images.shape[1] != planes:
            raise InvalidError(f"an array of {images.shape}; pictures are N x {planes} x height x width")
        self._need(device)
        scores = np.empty((images.shape[0], self.classes), np.float32)
        n, _, height, width = images.shape
        _c.lib.shunt_model_run(self._pointer, device._pointer, n, height, width, images.ctypes.data, scores.ctypes.data)
        return scores

    def probabilities(self, scores: Any) -> np.ndarray:
        """What the scores mean: the softmax, or what the network's head asks for."""
        scores = as_float32(scores).reshape(-1, self.classes)
        found = np.empty((len(scores), _c.lib.shunt_model_outcomes(self._pointer)), np.float32)
        for row, out in zip(scores, found):
            _c.lib.shunt_model_probabilities(self._pointer, row.ctypes.data, out.ctypes.data)
        return found

    def classify(self, picture: Any, device: Device, top: int = 5, pixels: str = "RGB") -> list[Any]:
        """The most probable classes, best first: of a path, or of a picture in memory (height x width x channels of bytes). For a list
        of such pictures, or an array of N x height x width x channels, a list of these lists."""
        self._need(device)
        if isinstance(picture, (str, os.PathLike)):
            guesses, found = (_c.GuessStruct * max(top, 1))(), ctypes.c_size_t()
            _c.lib.shunt_classify(self._pointer, device._pointer, _c.encode(picture), top, guesses, found)
            return _guesses(guesses, 0, found.value)
        pictures = listed(picture)
        kept, frames = frames_of(pictures, pixels)
        guesses, found = (_c.GuessStruct * max(top * len(kept), 1))(), (ctypes.c_size_t * max(len(kept), 1))()
        _c.lib.shunt_classify_frames(self._pointer, device._pointer, frames, len(kept), top, guesses, found)
        all_of_them = [_guesses(guesses, i * top, found[i]) for i in range(len(kept))]
        several = isinstance(picture, (list, tuple)) or np.ndim(picture) == 4
        return all_of_them if several else all_of_them[0]

    def cut(self, names: Sequence[str], device: Device) -> Executor:
        """The network up to the values of these names, which are its results: embeddings, feature maps."""
        graph, weights = _c.lib.shunt_model_graph(self._pointer), _c.lib.shunt_model_weights(self._pointer)
        return cut_executor(graph, weights, list(names), device, self)

    def embed(self, data: Dataset, device: Device, names: Sequence[str] = (), *, limit: int = 0, batch: int = 0,
              workers: int = 0) -> dict[str, np.ndarray]:
        """Values of the pictures of a data set, by name, one row a picture; no names: what the classifier reads."""
        graph = _c.lib.shunt_model_graph(self._pointer)
        wanted = list(names) or [_c.decode(_c.lib.shunt_graph_value_name(graph, _c.lib.shunt_graph_features(graph)))]
        rows: list[list[np.ndarray]] = [[] for _ in wanted]

        def take(_context, embedding):
            for row, tensor in zip(rows, embedding.contents.values[:embedding.contents.nvalues]):
                row.append(copy_of(tensor.desc, tensor.data)[0])
            return 0

        options = _c.sized(_c.EmbedOptions, names=_c.names(list(names)), nnames=len(names), limit=limit, batch=batch,
                           workers=workers, handler=_c.EmbeddingHandler(take))
        _c.lib.shunt_embed(self._pointer, device._pointer, data._pointer, options)
        return {name: np.stack(row) for name, row in zip(wanted, rows)}

    def evaluate(self, data: Dataset, device: Device, *, limit: int = 0, batch: int = 0, workers: int = 0) -> Score:
        """The error on a labelled data set, whose classes are matched to the model's by name."""
        classes, score = (ctypes.c_int64 * max(len(data.classes), 1))(), _c.Score()
        _c.lib.shunt_dataset_match(data._pointer, self._pointer, classes)
        options = _c.sized(_c.EvaluateOptions, limit=limit, batch=batch, workers=workers, classes=classes)
        _c.lib.shunt_evaluate_with(_c.lib.shunt_model_graph(self._pointer), _c.lib.shunt_model_weights(self._pointer),
                                   device._pointer, data._pointer, _c.lib.shunt_model_preprocess(self._pointer), options, score)
        return Score(score.pictures, score.wrong, score.loss)

    def tune(self, device: Device, batch: int = 1, *, full: bool = False, safe_only: bool = True) -> None:
        """Finds the fastest algorithms for pictures of the model's size (Executor.tune)."""
        graph, weights = _c.lib.shunt_model_graph(self._pointer), _c.lib.shunt_model_weights(self._pointer)
        side, planes = self.preprocess.crop, _c.lib.shunt_preprocess_planes(self.preprocess._struct)
        with Executor(graph, weights, device, self, noutputs=1) as executor:
            executor.tune([(batch, planes, side, side)], full=full, safe_only=safe_only)


def _options(*, name=None, classes, shortcut, v1, height, width):
    return _c.sized(_c.ModelOptions, name=_c.encode(name), classes=classes, shortcut=shortcut.encode() or b"\0", v1=v1,
                    height=height, width=width)


def _guesses(structs, first, count):
    return [Guess(guess.index, _c.decode(guess.label), guess.probability) for guess in structs[first:first + count]]


def _closed(model):
    raise InvalidError(f"{type(model).__name__} is closed")
