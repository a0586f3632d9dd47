"""Training: recipes and the training loop."""
from __future__ import annotations

import ctypes
import os
from typing import Any, Callable

from . import _c
from .data import Dataset
from .device import Device
from .errors import InvalidError
from .model import Model, Score
from .weights import Weights

STAGES = ("step", "validate", "epoch", "checkpoint")


class Recipe:
    """How to train: "fast", "paper" or "finetune" for a model, then any field as the command's options take it:
    Recipe(model, "fast", epochs=3, rate=0.05)."""

    def __init__(self, model: Model, name: str = "fast", **fields: Any):
        self._struct = _c.RecipeStruct()
        _c.lib.shunt_model_recipe(model._pointer, _c.encode(name), self._struct)
        for field, value in fields.items():
            text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            _c.lib.shunt_recipe_set(self._struct, _c.encode(field), _c.encode(text))

    def __getattr__(self, field: str) -> Any:
        value = getattr(object.__getattribute__(self, "_struct"), field)
        return _c.decode(value) if isinstance(value, bytes) else value


class Trainer(_c.Handle):
    """A training run. `out`: a folder for checkpoints, the best weights and a log; None: nothing is written. `progress` gets a dict
    after each step ("stage", "epoch", "step", "loss", "error", "rate" ...), and returns True to stop."""

    _end = "shunt_trainer_destroy"

    def __init__(self, model: Model, data: Dataset, recipe: Recipe, device: Device, *, out: str | os.PathLike | None = None,
                 validation: Dataset | None = None, test: Dataset | None = None, workers: int = 0, recompute: bool = False,
                 skip_bad: bool = False, loss_scale: float = 0, precision: str | None = None,
                 progress: Callable[[dict[str, Any]], Any] | None = None):
        self._model, self._error = model, None
        self._handler = _c.TrainHandler(self._take)
        self._progress = progress
        _c.lib.shunt_model_describe(model._pointer)
        setup = _c.sized(
            _c.TrainSetup, graph=_c.lib.shunt_model_graph(model._pointer), weights=_c.lib.shunt_model_weights(model._pointer),
            device=device._pointer, data=data._pointer, data_name=_c.encode(data.spec),
            preprocess=_c.lib.shunt_model_preprocess(model._pointer), recipe=ctypes.pointer(recipe._struct),
            out=_c.encode(out), workers=workers, recompute=recompute, skip_bad=skip_bad, handler=self._handler,
            validation=validation and validation._pointer, test=test and test._pointer, loss_scale=loss_scale,
            precision=_c.encode(precision))
        super().__init__(_c.made("shunt_trainer_create", setup), model, device, data, validation, test)
        self._recipe = recipe

    def _take(self, _context, event):
        if not self._progress:
            return 0
        told = event.contents
        fields = ("epoch", "epochs", "step", "steps", "loss", "error", "rate", "images_per_second", "done", "pictures")
        try:
            return bool(self._progress({"stage": STAGES[told.stage], **{name: getattr(told, name) for name in fields}}))
        except BaseException as error:  # C code is in between: it is raised again behind it
            self._error = error
            return 1

    def resume(self, path: str | os.PathLike) -> None:
        """Continues from a checkpoint of the same network, recipe and data."""
        _c.lib.shunt_trainer_resume(self._pointer, _c.encode(path))

    def run(self) -> bool:
        """Trains to the end of the recipe; False: `progress` stopped it."""
        finished = ctypes.c_int()
        _c.lib.shunt_trainer_run(self._pointer, finished)
        if self._error:
            error, self._error = self._error, None
            raise error
        return bool(finished.value)

    @property
    def rows(self) -> list[dict[str, float]]:
        """One for each epoch: losses and errors, as in log.csv."""
        count = _c.lib.shunt_trainer_rows(self._pointer)
        found = [_c.lib.shunt_trainer_row(self._pointer, i).contents for i in range(count)]
        return [{name: getattr(row, name) for name, _ in _c.TrainRow._fields_} for row in found]

    def test(self, data: Dataset) -> Score:
        """The error of the best weights so far on pictures that they were not trained on."""
        score = _c.Score()
        _c.lib.shunt_trainer_test(self._pointer, data._pointer, score)
        return Score(score.pictures, score.wrong, score.loss)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the weights as they are now, as a model that Model.open reads."""
        weights = _c.lib.shunt_trainer_weights(self._pointer)
        if not weights:
            raise InvalidError("Trainer is closed")
        with Weights() as copy:
            for i in range(_c.lib.shunt_weights_count(weights)):
                view = _c.lib.shunt_weights_at(weights, i).contents
                if not view.name.endswith(b".velocity"):
                    _c.lib.shunt_weights_set(copy._pointer, view.name, view.desc, view.data)
            for key in ("model", "preprocess", "labels"):
                text = _c.lib.shunt_weights_metadata(weights, key.encode())
                if text:
                    copy.set_metadata(key, _c.decode(text))
            copy.save(path)
