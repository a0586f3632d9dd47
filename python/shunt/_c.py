"""libshunt through ctypes: where it is, its structs, its functions. The public headers are the reference; tests/python compares
the structs with them."""
import ctypes
import os
import pathlib
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_char, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t,
                    c_uint8, c_uint16, c_uint32, c_uint64, c_void_p)

from .errors import BY_STATUS, InvalidError, ShuntError

MAX_RANK, PORT_RANK = 6, 8
F32 = 1


def _load():
    """$SHUNT_LIBRARY, the library that a wheel carries, or the system's."""
    here = pathlib.Path(__file__).parent
    carried = sorted(here.parent.glob(".shunt.mesonpy.libs/libshunt.so.1*"))
    name = os.environ.get("SHUNT_LIBRARY") or (str(carried[0]) if carried else "libshunt.so.1")
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise ImportError(f"libshunt is not there: {error}; install it, or name it in SHUNT_LIBRARY") from error


# ---- Structs --------------------------------------------------------------------------------------------------------


class TensorDesc(Structure):
    _name = "shunt_tensor_desc"
    _fields_ = [("dtype", c_uint8), ("rank", c_uint8), ("block", c_uint16), ("reserved", c_uint32),
                ("dims", c_int64 * MAX_RANK)]


class Tensor(Structure):
    _name = "shunt_tensor"
    _fields_ = [("desc", TensorDesc), ("data", c_void_p), ("buffer", c_void_p), ("offset", c_uint64)]


class TensorView(Structure):
    _name = "shunt_tensor_view"
    _fields_ = [("name", c_char_p), ("desc", TensorDesc), ("data", c_void_p)]


class DeviceInfo(Structure):
    """Its beginning: it may grow."""
    _name = "shunt_device_info"
    _fields_ = [("size", c_uint32), ("type", c_uint32), ("name", c_char * 128), ("vendor", c_char * 64),
                ("platform", c_char * 128), ("driver", c_char * 128), ("score", c_int32), ("caps", c_uint32),
                ("memory", c_uint64), ("max_alloc", c_uint64), ("alignment", c_uint32), ("block", c_uint32)]
    _grows = True


class DeviceEntry(Structure):
    _name = "shunt_device_entry"
    _fields_ = [("selector", c_char_p), ("info", POINTER(DeviceInfo))]


class ModelOptions(Structure):
    _name = "shunt_model_options"
    _fields_ = [("size", c_uint32), ("classes", c_int64), ("height", c_int64), ("width", c_int64), ("shortcut", c_char),
                ("v1", c_int), ("name", c_char_p), ("epsilon", c_int), ("auxiliary", c_int)]


class ImportInput(Structure):
    _name = "shunt_import_input"
    _fields_ = [("name", c_char_p), ("type", c_char_p), ("rank", c_uint32), ("dims", c_int64 * PORT_RANK), ("data", c_void_p)]


class ImportOptions(Structure):
    _name = "shunt_import_options"
    _fields_ = [("size", c_uint32), ("height", c_int64), ("width", c_int64), ("inputs", POINTER(ImportInput)),
                ("ninputs", c_size_t), ("ports_only", c_int), ("model", POINTER(ModelOptions))]


class Port(Structure):
    _name = "shunt_port"
    _fields_ = [("name", c_char_p), ("type", c_char_p), ("rank", c_int32), ("dims", c_int64 * PORT_RANK),
                ("axes", c_char_p * PORT_RANK), ("index", c_int32), ("shape_rank", c_uint32), ("shape", c_int64 * PORT_RANK),
                ("data", c_void_p)]


class Image(Structure):
    _name = "shunt_image"
    _fields_ = [("height", c_int64), ("width", c_int64), ("rgb", c_void_p)]


class Frame(Structure):
    _name = "shunt_frame"
    _fields_ = [("pixels", c_int), ("yuv", c_int), ("height", c_int64), ("width", c_int64), ("planes", c_void_p * 2),
                ("strides", c_int64 * 2), ("reserved", c_uint32 * 8)]


class PreprocessStruct(Structure):
    _name = "shunt_preprocess"
    _fields_ = [("resize", c_int64), ("crop", c_int64), ("mean", c_float * 3), ("std", c_float * 3), ("filter", c_int),
                ("channels", c_int), ("range", c_int), ("reserved", c_uint32 * 8)]


class GuessStruct(Structure):
    _name = "shunt_guess"
    _fields_ = [("index", c_int64), ("label", c_char_p), ("probability", c_float)]


class Embedding(Structure):
    _name = "shunt_embedding"
    _fields_ = [("index", c_size_t), ("values", POINTER(Tensor)), ("nvalues", c_size_t)]


EmbeddingHandler = CFUNCTYPE(c_int, c_void_p, POINTER(Embedding))


class EmbedOptions(Structure):
    _name = "shunt_embed_options"
    _fields_ = [("size", c_uint32), ("names", POINTER(c_char_p)), ("nnames", c_size_t), ("limit", c_size_t),
                ("batch", c_int64), ("workers", c_int64), ("handler", EmbeddingHandler), ("context", c_void_p)]


class RecipeStruct(Structure):
    _name = "shunt_recipe"
    _fields_ = [("name", c_char * 16), ("seed", c_int64), ("holdout", c_int64), ("epochs", c_int64), ("steps", c_int64),
                ("batch", c_int64), ("schedule", c_int64), ("rate", c_double), ("milestones", c_double * 2),
                ("decay", c_double), ("final_rate", c_double), ("warm_up", c_double), ("warm_up_rate", c_double),
                ("warm_up_error", c_double), ("momentum", c_double), ("nesterov", c_int64), ("weight_decay", c_double),
                ("decay_all", c_int64), ("smoothing", c_double), ("norm_momentum", c_double), ("augment", c_int64),
                ("pad", c_int64), ("flip", c_int64), ("min_area", c_double), ("freeze", c_char * 128),
                ("precision", c_int64), ("limit", c_int64), ("prune", c_double), ("prune_ramp", c_double * 2),
                ("rate_batch", c_int64), ("warm_up_epochs", c_double), ("lars", c_double),
                ("ghost", c_double), ("ghost_weight", c_double), ("ghost_ramp", c_double * 2),
                ("auxiliary", c_double), ("scales", c_double * 2), ("accumulate", c_int64),
                ("reserved", c_uint64 * 16)]


class TrainRow(Structure):
    _name = "shunt_train_row"
    _fields_ = [("epoch", c_int64), ("step", c_int64), ("rate", c_double), ("training_loss", c_double),
                ("training_error", c_double), ("validation_loss", c_double), ("validation_error", c_double),
                ("seconds", c_double), ("blocks_left", c_int64), ("share", c_double)]
    _grows = True


class TrainEvent(Structure):
    _name = "shunt_train_event"
    _fields_ = [("stage", c_int), ("epoch", c_int64), ("epochs", c_int64), ("step", c_int64), ("steps", c_int64),
                ("epoch_step", c_int64), ("epoch_steps", c_int64), ("loss", c_double), ("error", c_double),
                ("rate", c_double), ("images_per_second", c_double), ("done", c_int64), ("pictures", c_int64),
                ("row", POINTER(TrainRow)), ("improved", c_int), ("failed", c_char_p)]
    _grows = True


TrainHandler = CFUNCTYPE(c_int, c_void_p, POINTER(TrainEvent))


class TrainSetup(Structure):
    _name = "shunt_train_setup"
    _fields_ = [("size", c_uint32), ("graph", c_void_p), ("weights", c_void_p), ("device", c_void_p), ("data", c_void_p),
                ("data_name", c_char_p), ("preprocess", POINTER(PreprocessStruct)), ("recipe", POINTER(RecipeStruct)),
                ("out", c_char_p), ("workers", c_int64), ("save_seconds", c_int64), ("log_gradients", c_int),
                ("recompute", c_int), ("skip_bad", c_int), ("handler", TrainHandler), ("context", c_void_p),
                ("validation", c_void_p), ("test", c_void_p), ("loss_scale", c_double), ("precision", c_char_p),
                ("ranks", c_void_p), ("sync_statistics", c_int), ("bf16_gradients", c_int), ("anchors", c_void_p)]


class EvaluateOptions(Structure):
    _name = "shunt_evaluate_options"
    _fields_ = [("size", c_uint32), ("limit", c_size_t), ("batch", c_int64), ("workers", c_int64), ("progress", c_void_p),
                ("context", c_void_p), ("classes", POINTER(c_int64))]


class Score(Structure):
    _name = "shunt_score"
    _fields_ = [("pictures", c_int64), ("wrong", c_int64), ("loss", c_double)]


class TuneOptions(Structure):
    _name = "shunt_tune_options"
    _fields_ = [("size", c_uint32), ("full", c_int), ("retry", c_int), ("safe_only", c_int), ("handler", c_void_p),
                ("context", c_void_p), ("force", c_int), ("watched", c_int), ("done", POINTER(c_char_p)), ("ndone", c_uint32),
                ("precisions", c_int), ("skip", c_char_p)]


class ExecutorOptions(Structure):
    _name = "shunt_executor_options"
    _fields_ = [("size", c_uint32), ("precision", c_char_p), ("ranks", c_void_p), ("sync_statistics", c_int),
                ("streams", c_uint32), ("bf16_gradients", c_int)]


class PrecisionStruct(Structure):
    _name = "shunt_precision"
    _fields_ = [("asked", c_char_p), ("taken", c_char_p), ("reason", c_char_p)]


class VerifyCheck(Structure):
    _name = "shunt_verify_check"
    _fields_ = [("name", c_char_p), ("cases", c_uint64), ("runs", c_uint64), ("refusals", c_uint64), ("refusal", c_char_p),
                ("problem", c_char_p), ("again", c_char_p)]
    _grows = True


VerifyHandler = CFUNCTYPE(None, c_void_p, POINTER(VerifyCheck))


class VerifyOptions(Structure):
    """Its first version: `size` says so."""
    _name = "shunt_verify_options"
    _fields_ = [("size", c_uint32), ("op", c_char_p), ("seed", c_uint64), ("count", c_uint64), ("only", c_int64),
                ("graph", c_void_p), ("handler", VerifyHandler), ("context", c_void_p)]
    _grows = True


STRUCTS = [kind for kind in list(globals().values()) if isinstance(kind, type) and hasattr(kind, "_name")]

# ---- Functions ------------------------------------------------------------------------------------------------------

_P, _S, _OUT = c_void_p, c_char_p, POINTER(c_void_p)

# Those that return a status, which `call` turns into an exception.
_CHECKED = {
    "shunt_set_option": [_S, _S],
    "shunt_devices_list": [_OUT],
    "shunt_device_open": [_S, _S, _OUT],
    "shunt_device_measure": [_P, POINTER(c_double), POINTER(c_double)],
    "shunt_device_verify": [_P, POINTER(VerifyOptions)],
    "shunt_import": [_S, POINTER(ImportOptions), _OUT],
    "shunt_import_bytes": [_S, c_size_t, POINTER(ImportOptions), _OUT],
    "shunt_graph_cut": [_P, POINTER(c_char_p), c_size_t, _OUT],
    "shunt_executor_create_with": [_P, _P, _P, POINTER(ExecutorOptions), _OUT],
    "shunt_executor_precision": [_P, POINTER(PrecisionStruct)],
    "shunt_executor_submit": [_P, POINTER(Tensor), c_size_t, POINTER(Tensor), c_size_t, _P, _OUT],
    "shunt_event_poll": [_P, POINTER(c_int)],
    "shunt_event_wait": [_P],
    "shunt_executor_output": [_P, POINTER(TensorDesc), c_size_t, c_size_t, POINTER(TensorDesc)],
    "shunt_executor_run": [_P, POINTER(Tensor), c_size_t, POINTER(Tensor), c_size_t],
    "shunt_executor_tune": [_P, POINTER(TensorDesc), c_size_t, POINTER(TuneOptions)],
    "shunt_model_create": [_S, POINTER(ModelOptions), _OUT],
    "shunt_model_open": [_S, POINTER(ModelOptions), _OUT],
    "shunt_model_open_bytes": [_S, c_size_t, POINTER(ModelOptions), _OUT],
    "shunt_model_load": [_P, _S],
    "shunt_model_adopt": [_P, _S, c_uint64],
    "shunt_model_randomize": [_P, c_uint64],
    "shunt_model_initialize": [_P, c_uint64],
    "shunt_model_describe": [_P],
    "shunt_model_save": [_P, _S],
    "shunt_model_load_labels": [_P, _S],
    "shunt_model_set_labels": [_P, POINTER(c_char_p)],
    "shunt_model_recipe": [_P, _S, POINTER(RecipeStruct)],
    "shunt_model_executor": [_P, _P, _OUT],
    "shunt_model_run": [_P, _P, c_int64, c_int64, c_int64, _P, _P],
    "shunt_model_probabilities": [_P, _P, _P],
    "shunt_classify": [_P, _P, _S, c_size_t, POINTER(GuessStruct), POINTER(c_size_t)],
    "shunt_classify_frames": [_P, _P, POINTER(Frame), c_size_t, c_size_t, POINTER(GuessStruct), POINTER(c_size_t)],
    "shunt_embed": [_P, _P, _P, POINTER(EmbedOptions)],
    "shunt_weights_create": [_OUT],
    "shunt_weights_open": [_S, _OUT],
    "shunt_weights_open_bytes": [_S, c_size_t, _OUT],
    "shunt_weights_save": [_P, _S],
    "shunt_weights_set": [_P, _S, POINTER(TensorDesc), _P],
    "shunt_weights_set_metadata": [_P, _S, _S],
    "shunt_image_read": [_S, POINTER(Image)],
    "shunt_preprocess_preset": [_S, POINTER(PreprocessStruct)],
    "shunt_preprocess_set": [POINTER(PreprocessStruct), _S, _S],
    "shunt_preprocess_frames": [POINTER(PreprocessStruct), POINTER(Frame), c_size_t, _P],
    "shunt_dataset_open_labelled": [_S, _S, _S, _OUT],
    "shunt_dataset_get": [_P, c_size_t, POINTER(Image), POINTER(c_int64)],
    "shunt_dataset_match": [_P, _P, POINTER(c_int64)],
    "shunt_recipe_set": [POINTER(RecipeStruct), _S, _S],
    "shunt_trainer_create": [POINTER(TrainSetup), _OUT],
    "shunt_trainer_resume": [_P, _S],
    "shunt_trainer_run": [_P, POINTER(c_int)],
    "shunt_trainer_test": [_P, _P, POINTER(Score)],
    "shunt_evaluate_with": [_P, _P, _P, _P, POINTER(PreprocessStruct), POINTER(EvaluateOptions), POINTER(Score)],
}
_OTHERS = {
    "shunt_version": (_S, []),
    "shunt_last_error": (_S, []),
    "shunt_option": (_S, [_S]),
    "shunt_devices_count": (c_size_t, [_P]),
    "shunt_devices_at": (POINTER(DeviceEntry), [_P, c_size_t]),
    "shunt_devices_free": (None, [_P]),
    "shunt_device_close": (None, [_P]),
    "shunt_device_describe": (POINTER(DeviceEntry), [_P]),
    "shunt_network_destroy": (None, [_P]),
    "shunt_network_graph": (_P, [_P]),
    "shunt_network_weights": (_P, [_P]),
    "shunt_network_input": (POINTER(Port), [_P, c_size_t]),
    "shunt_network_output": (POINTER(Port), [_P, c_size_t]),
    "shunt_graph_destroy": (None, [_P]),
    "shunt_graph_find": (c_int32, [_P, _S]),
    "shunt_graph_value_name": (_S, [_P, c_int32]),
    "shunt_graph_features": (c_int32, [_P]),
    "shunt_graph_input_value": (c_int32, [_P, c_size_t]),
    "shunt_graph_output_name": (_S, [_P, c_size_t]),
    "shunt_graph_desc": (TensorDesc, [_P, c_int32]),
    "shunt_executor_destroy": (None, [_P]),
    "shunt_event_release": (None, [_P]),
    "shunt_model_destroy": (None, [_P]),
    "shunt_model_name": (_S, [_P]),
    "shunt_model_graph": (_P, [_P]),
    "shunt_model_weights": (_P, [_P]),
    "shunt_model_label": (_S, [_P, c_int64]),
    "shunt_model_classes": (c_int64, [_P]),
    "shunt_model_outcomes": (c_int64, [_P]),
    "shunt_model_preprocess": (POINTER(PreprocessStruct), [_P]),
    "shunt_model_set_preprocess": (None, [_P, POINTER(PreprocessStruct)]),
    "shunt_weights_destroy": (None, [_P]),
    "shunt_weights_count": (c_size_t, [_P]),
    "shunt_weights_at": (POINTER(TensorView), [_P, c_size_t]),
    "shunt_weights_find": (POINTER(TensorView), [_P, _S]),
    "shunt_weights_metadata": (_S, [_P, _S]),
    "shunt_weights_metadata_next": (_S, [_P, _S]),
    "shunt_image_free": (None, [POINTER(Image)]),
    "shunt_preprocess_name": (_S, [POINTER(PreprocessStruct)]),
    "shunt_preprocess_planes": (c_int64, [POINTER(PreprocessStruct)]),
    "shunt_dataset_close": (None, [_P]),
    "shunt_dataset_count": (c_size_t, [_P]),
    "shunt_dataset_classes": (c_size_t, [_P]),
    "shunt_dataset_label": (_S, [_P, c_size_t]),
    "shunt_dataset_picture": (_S, [_P, c_size_t]),
    "shunt_trainer_destroy": (None, [_P]),
    "shunt_trainer_rows": (c_size_t, [_P]),
    "shunt_trainer_row": (POINTER(TrainRow), [_P, c_size_t]),
    "shunt_trainer_weights": (_P, [_P]),
}


def fail(status):
    """Raises the exception of a status that is not 0."""
    message = lib.shunt_last_error().decode("utf-8", "replace")
    raise BY_STATUS.get(status, ShuntError)(message)


def _raise(status, function, arguments):
    if status:
        fail(status)
    return status


lib = _load()
for _name, _arguments in _CHECKED.items():
    _function = getattr(lib, _name)
    _function.restype, _function.argtypes, _function.errcheck = c_int, _arguments, _raise
for _name, (_result, _arguments) in _OTHERS.items():
    _function = getattr(lib, _name)
    _function.restype, _function.argtypes = _result, _arguments


def plain(name):
    """The function without its check: the caller looks at the status."""
    function = lib[name]
    function.restype, function.argtypes = c_int, _CHECKED[name]
    return function


def encode(text):
    """A path or a name as the library takes it; None stays None."""
    return None if text is None else os.fsencode(text)


def decode(text):
    return None if text is None else text.decode("utf-8", "replace")


def names(texts):
    """An array of C strings."""
    return (c_char_p * max(len(texts), 1))(*[encode(text) for text in texts])


def sized(kind, **fields):
    """An option struct with its size set."""
    return kind(size=ctypes.sizeof(kind), **fields)


class Handle:
    """An object of the library, which ends with this one. Those that it was made with have to outlive it: it keeps them, and they
    refuse to be closed before it."""

    _end = None

    def __init__(self, pointer, *needs):
        self._pointer, self._needs, self._users, self._left = pointer, [], 0, False
        self._need(*needs)

    def _need(self, *others):
        for other in others:
            if other is not None and not any(other is known for known in self._needs):
                self._needs.append(other)
                other._users += 1

    def close(self):
        """Ends the object now. Using it afterwards raises InvalidError. Python ends it anyway once nothing refers to it."""
        if not getattr(self, "_pointer", None):
            return
        if self._users:
            raise InvalidError(f"{type(self).__name__} is still used by {self._users} other objects; close them first")
        self._finish()

    def _finish(self):
        pointer, self._pointer = self._pointer, None
        getattr(lib, self._end)(pointer)
        needs, self._needs = self._needs, []
        for other in needs:
            other._users -= 1
            if other._left and not other._users and other._pointer:
                other._finish()

    def __del__(self):
        """Of objects that refer to each other Python ends any first; one that is still used then ends with its last user."""
        if not getattr(self, "_pointer", None):
            return
        self._left = True
        if not self._users:
            self._finish()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def made(function, *arguments):
    """The pointer that a function returns through its last argument."""
    pointer = c_void_p()
    getattr(lib, function)(*arguments, byref(pointer))
    return pointer
