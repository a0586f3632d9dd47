"""Runs the PTX of the kernels for NVIDIA's matrix units in an interpreter (ptx.py) and compares what they compute with NumPy. Data are
small whole numbers and halves: then every order of summing gives the same bits."""
import shutil
import struct

import numpy as np

from gpu import nvidia, ptx

BLOCK = 16
F16, BF16 = 4, 5
BIAS, RESIDUAL, RELU = 1, 2, 4


def stored(x, data):
    """The bits of numbers in 16 bits, rounded to nearest even."""
    if data == F16:
        return x.astype(np.float16).view(np.uint16)
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7fff + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def value(bits, data):
    return bits.view(np.float16).astype(np.float64) if data == F16 else (
        (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64))


def blocked(x):
    """(N, C, H, W) in blocks of 16 channels, the last one filled up with zeros."""
    n, c, h, w = x.shape
    filled = np.zeros((n, -(-c // BLOCK) * BLOCK, h, w), x.dtype)
    filled[:, :c] = x
    return np.ascontiguousarray(filled.reshape(n, -1, BLOCK, h, w).transpose(0, 1, 3, 4, 2))


class Conv:
    """A convolution: N, C, H, W, K, R, S, stride, padding, dilation, flags; src plain or in blocks."""

    def __init__(self, n, c, h, w, k, r, s, stride=1, pad=0, dilation=1, flags=0, plain=False):
        self.sizes, self.flags, self.plain = (n, c, h, w, k, r, s, stride, pad, dilation), flags, plain
        self.p, self.q = ((size + 2 * pad - dilation * (taps - 1) - 1) // stride + 1 for size, taps in ((h, r), (w, s)))

    def dims(self):
        n, c, h, w, k, r, s, stride, pad, dilation = self.sizes
        return struct.pack("17i", n, c, h, w, k, self.p, self.q, r, s, stride, stride, dilation, dilation, pad, pad, 1, self.flags)

    def draw(self, random, data):
        n, c, h, w, k, r, s, *_ = self.sizes
        numbers = lambda *shape: value(stored(random.integers(-8, 9, shape) / 2, data), data)
        self.src, self.weights, self.bias = numbers(n, c, h, w), numbers(k, c, r, s), random.integers(-8, 9, k) / 2
        self.residual = numbers(n, k, self.p, self.q)

    def windows(self):
        """For each tap (r, s), what the pixels of dst see of src."""
        *_, r, s, stride, pad, dilation = self.sizes
        src = np.pad(self.src, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        for y in range(r):
            for x in range(s):
                yield y, x, src[:, :, y * dilation:y * dilation + stride * (self.p - 1) + 1:stride,
                                x * dilation:x * dilation + stride * (self.q - 1) + 1:stride]

    def sums(self):
        return sum(np.einsum("nchw,kc->nkhw", window, self.weights[:, :, y, x]) for y, x, window in self.windows())

    def diff_weights(self):
        """(taps, K, C), where diff_dst is the residual."""
        return np.stack([np.einsum("nchw,nkhw->kc", window, self.residual) for _, _, window in self.windows()])

    def expected(self):
        sums = self.sums()
        if self.flags & BIAS:
            sums += self.bias[:, None, None]
        if self.flags & RESIDUAL:
            sums += self.residual
        return np.maximum(sums, 0) if self.flags & RELU else sums


def steps_of(conv, step):
    _, c, _, _, _, r, s, *_ = conv.sizes
    return -(-c * r * -(-s // 8) * 8 // step) if conv.plain else -(-c // step) * r * s


def check_conv(text, conv, data, tile, splits, random):
    """What is wrong with the PTX's result, or None."""
    n, c, _, _, k, r, s, *_ = conv.sizes
    items, steps = tile["items"], steps_of(conv, tile["TK"])
    conv.draw(random, data)
    src = stored(conv.src if conv.plain else blocked(conv.src), data)
    weights, bias = conv.weights.astype(np.float32), conv.bias.astype(np.float32)
    k_tiles, pixels = -(-k // tile["TN"]), n * conv.p * conv.q
    packed = np.full(k_tiles * steps * tile["TN"] * tile["TK"], 0x7fff, np.uint16)  # NaN, should one be left
    view = struct.pack("5q", 0, c * r * s, r * s, s, 1)
    zero = (0).to_bytes(8, "little")
    ptx.run(text, "conv_wave_pack", 64, -(-packed.size // 64),
            [weights, zero, packed, zero, conv.dims(), view, packed.size.to_bytes(8, "little"), steps.to_bytes(4, "little")])
    dst = np.full(blocked(np.zeros((n, k, conv.p, conv.q))).shape, 0x7fff, np.uint16)
    partial = np.full((splits, *dst.shape), np.nan, np.float32)
    residual = stored(blocked(conv.residual), data)
    place, cut = struct.pack("6i", 0, 0, 1, 1, conv.p, conv.q), struct.pack("2i", steps, splits)
    executed = ptx.run(text, "conv_wave", items, k_tiles * splits * -(-pixels // tile["TM"]),
                       [src, zero, packed, zero, bias, zero, residual, zero, dst, zero, partial, zero, conv.dims(), place, cut])
    if not executed.get("mma") or not executed.get("ldmatrix"):
        return "no matrix instruction was executed"
    if splits > 1:
        want, got = blocked(conv.sums()), partial.astype(np.float64).sum(0)
    else:
        want, got = value(stored(blocked(conv.expected()), data), data), value(dst, data)
    return compare(got, want)


def check_grad(text, conv, data, tile, splits, random):
    """The same of the gradient by weights."""
    n, c, _, _, k, r, s, *_ = conv.sizes
    conv.draw(random, data)
    src, diff_dst = stored(blocked(conv.src), data), stored(blocked(conv.residual), data)
    stride, all_pixels = -(-c // 8) * 8, n * conv.p * conv.q
    pixels = -(-(-(-all_pixels // tile["TK"])) // splits) * tile["TK"]
    splits = -(-all_pixels // pixels)
    partial = np.full((splits, r * s, k, stride), np.nan, np.float32)
    zero, cut = (0).to_bytes(8, "little"), struct.pack("5i", r * s, c, stride, pixels, splits)
    executed = ptx.run(text, "conv_grad_wave", tile["items"], -(-c // tile["TN"]) * -(-k // tile["TM"]) * r * s * splits,
                       [src, zero, diff_dst, zero, partial, zero, conv.dims(), cut])
    if not executed.get("mma") or not executed.get("ldmatrix"):
        return "no matrix instruction was executed"
    return compare(partial.astype(np.float64).sum(0)[:, :, :c], conv.diff_weights())


def compare(got, want):
    wrong = ~(got == want)
    return f"{wrong.sum()} of {wrong.size} results are wrong, the first {got[wrong][0]:g}, not {want[wrong][0]:g}" if wrong.any() else None


THREE = Conv(2, 40, 7, 6, 40, 3, 3, pad=1, flags=BIAS | RESIDUAL | RELU)
POINT = Conv(1, 33, 9, 9, 70, 1, 1, stride=2, flags=BIAS)
STRIDED = Conv(3, 16, 5, 5, 17, 3, 3, stride=2, pad=1, flags=RELU)
DILATED = Conv(1, 20, 9, 9, 20, 3, 3, pad=2, dilation=2)
STEM = Conv(1, 3, 17, 17, 20, 7, 7, stride=2, pad=3, flags=BIAS | RELU, plain=True)
SMALL_STEM = Conv(2, 3, 8, 8, 16, 3, 3, pad=1, plain=True)
LARGE, MIDDLE, SMALL = (128, 128, 32, 4, 2), (64, 64, 32, 2, 2), (32, 32, 32, 1, 1)
# Target, inner dimension of its instruction, type of data, tile (TM, TN, TK, FM, FN), convolution, splits; the last: gradients by weights.
CASES = [("sm_86", 16, F16, LARGE, THREE, 1), ("sm_86", 16, F16, MIDDLE, POINT, 1), ("sm_86", 16, F16, SMALL, STEM, 1),
         ("sm_86", 16, BF16, MIDDLE, THREE, 2), ("sm_86", 16, BF16, SMALL, DILATED, 1), ("sm_86", 16, BF16, MIDDLE, STEM, 1),
         ("sm_75", 8, F16, MIDDLE, STRIDED, 1), ("sm_75", 8, F16, LARGE, SMALL_STEM, 1)]
GRADIENTS = [("sm_86", 16, BF16, MIDDLE, STRIDED, 1), ("sm_86", 16, F16, LARGE, POINT, 2), ("sm_75", 8, F16, SMALL, DILATED, 2)]
# Changes to wave_nvidia.cl that must not stay unnoticed.
MUTANTS = [("lane % 16 * ROW", "lane % 8 * ROW"), ("lane / 16 * 8 + lane % 8", "lane / 8 % 2 * 8 + lane % 8"),
           ('"r"(b.s0), "r"(b.s1)', '"r"(b.s1), "r"(b.s0)'), ("row + 8 * SUMS_ROW) = sums->s.s23", "row + 8 * SUMS_ROW) = sums->s.s01"),
           ("lane % 4 * 2;", "lane % 4;")]


def run_case(case, kernels, folder, tools, random, file="conv_wave.cl", check=check_conv):
    """What is wrong, or None."""
    target, inner, data, sizes, conv, splits = case
    tile = dict(zip(("TM", "TN", "TK", "FM", "FN"), sizes))
    options = ["-cl-std=CL1.2", "-DB=16", "-DV=8", "-DWG=64", *(f"-D{name}={size}" for name, size in tile.items()),
               f"-DWAVE_NVIDIA={inner}", *["-DPLAIN_SRC"] * conv.plain, f"-DDATA={data}"]
    tile["items"] = 32 * (tile["TM"] // (16 * tile["FM"])) * (tile["TN"] // (16 * tile["FN"]))
    text = nvidia.compile_ptx(target, kernels / file, options, folder, tools)
    try:
        found = check(text, conv, data, tile, splits, random)
    except (IndexError, RuntimeError) as error:
        found = str(error)
    return found and f"{target} {file} {' '.join(options)} {conv.sizes} splits {splits}: {found}"


def compute(kernels, folder, tools):
    """Lines about what is wrong, and how many convolutions and changes were tried."""
    random = np.random.default_rng(1)
    found = [run_case(case, kernels, folder, tools, random) for case in CASES]
    found += [run_case(case, kernels, folder, tools, random, "conv_grad_wave.cl", check_grad) for case in GRADIENTS]
    wrong = [line for line in found if line]
    changed = folder / "kernels"
    shutil.copytree(kernels, changed)
    for old, new in MUTANTS:
        text = (kernels / "wave_nvidia.cl").read_text()
        (changed / "wave_nvidia.cl").write_text(text.replace(old, new, 1))
        if old not in text or not run_case(CASES[1], changed, folder, tools, random):
            wrong.append(f"wave_nvidia.cl with {new!r} for {old!r} was not noticed")
    return wrong, len(found), len(MUTANTS)
