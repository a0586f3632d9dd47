"""NumPy arrays as the library's tensors, without copies where the layout allows it: contiguous float32."""
import ctypes

import numpy as np

from . import _c
from .errors import InvalidError, UnsupportedError

DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 4: np.float16, 5: np.uint16, 6: np.int64, 7: np.int16, 8: np.int8,
          9: np.uint8, 10: np.bool_}  # enum shunt_dtype; 5 are the bits of bfloat16
NUMBERS = {np.dtype(kind): number for number, kind in DTYPES.items() if number != 5}


def as_array(value):
    """Anything that NumPy or DLPack knows; memory of a processor is shared, not copied."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__"):
        try:
            return np.from_dlpack(value)
        except (RuntimeError, BufferError, TypeError):
            pass  # a tensor with a gradient, or one of another device: its own conversion says why it cannot be had
    return np.asarray(value)


def as_float32(value):
    """Contiguous float32: the array itself where it is that already."""
    array = as_array(value)
    if array.dtype == np.float32 and array.flags.c_contiguous:
        return array
    if array.dtype.kind not in "fiub":
        raise InvalidError(f"an array of {array.dtype}; numbers are needed")
    return np.ascontiguousarray(array, np.float32)


def desc_of(array):
    if array.ndim > _c.MAX_RANK:
        raise UnsupportedError(f"an array of rank {array.ndim}; at most {_c.MAX_RANK}")
    number = NUMBERS.get(array.dtype)
    if number is None:
        raise UnsupportedError(f"an array of {array.dtype}")
    return _c.TensorDesc(number, array.ndim, 1, 0, array.shape)


def tensor_of(array):
    """A tensor over the array's memory, for as long as the array lives."""
    return _c.Tensor(desc_of(array), array.ctypes.data)


def shape_of(desc):
    return tuple(desc.dims[:desc.rank])


def copy_of(desc, address):
    """A new array with the tensor's content."""
    shape, kind = shape_of(desc), DTYPES[desc.dtype]
    array = np.empty(shape, kind)
    if array.nbytes:
        ctypes.memmove(array.ctypes.data, address, array.nbytes)
    return array


def image_of(image):
    """The library's image as an array of height x width x 3; frees the image."""
    try:
        array = np.empty((image.height, image.width, 3), np.uint8)
        ctypes.memmove(array.ctypes.data, image.rgb, array.nbytes)
        return array
    finally:
        _c.lib.shunt_image_free(ctypes.byref(image))


PIXELS = {"RGB": (0, 3), "BGR": (1, 3), "RGBA": (2, 4), "BGRA": (3, 4), "GRAY": (4, 1)}
NV12, YUV = 5, {"NV12": 0, "NV12-BT709": 1, "NV12-FULL": 2, "NV12-BT709-FULL": 3}


def nv12_frame(array, yuv):
    """The rows of Y, and below them those of U and V by turns, half as many."""
    rows, width = array.shape if array.ndim == 2 else (0, 0)
    if not rows or rows % 3 or width % 2:
        raise InvalidError(f"a picture of shape {array.shape}; NV12 is 3/2 height x width, of even numbers")
    if array.strides[1] != 1 or array.strides[0] < width:
        array = np.ascontiguousarray(array)
    height, stride = rows // 3 * 2, array.strides[0]
    chroma = array.ctypes.data + height * stride
    return array, _c.Frame(NV12, yuv, height, width, (array.ctypes.data, chroma), (stride, stride))


def frame_of(picture, pixels="RGB"):
    """A frame over the array's memory: height x width x channels of uint8, or height x width; or NV12. Rows may have gaps or stand
    upside down; pixels themselves have to be contiguous."""
    if pixels not in PIXELS and pixels not in YUV:
        raise InvalidError(f"pixels are {', '.join([*PIXELS, *YUV])}, not {pixels}")
    array = as_array(picture)
    if array.dtype != np.uint8:
        raise InvalidError(f"a picture of {array.dtype}; its bytes are needed (uint8)")
    if pixels in YUV:
        return nv12_frame(array, YUV[pixels])
    kind, channels = PIXELS[pixels]
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] != channels:
        raise InvalidError(f"a picture of shape {array.shape}; {pixels} is height x width x {channels}")
    if array.strides[2] != 1 or array.strides[1] != channels or not array.strides[0]:
        array = np.ascontiguousarray(array)
    height, width, _ = array.shape
    return array, _c.Frame(kind, 0, height, width, (array.ctypes.data, None), (array.strides[0], 0))


def frames_of(pictures, pixels="RGB"):
    """The arrays, which have to be kept, and the frames over them."""
    both = [frame_of(picture, pixels) for picture in pictures]
    return [array for array, _ in both], (_c.Frame * max(len(both), 1))(*[frame for _, frame in both])
