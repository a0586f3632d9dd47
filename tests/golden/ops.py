#!/usr/bin/python3
"""ops.py - expected results of small ops from PyTorch and numpy in float64, for tests/backends/ops_golden.c.

    python3 tests/golden/ops.py > tests/golden/ops.json

Only results are stored. Element i of input number j of case NAME is 2u - 1 (a variance: u + 0.5), where u is
shunt_random_at(shunt_random_key("NAME/j", 0), i) of runtime/base/random.h; uniform() is the same in Python.
"""
import json

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

MASK = (1 << 64) - 1
CASES = []


def uniform(name, shape):
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) & MASK
    count = int(np.prod(shape))
    z = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return torch.from_numpy(((z >> np.uint64(40)).astype(np.float64) * 2.0**-24).reshape(shape))


def inputs(name, shapes, variance=None):
    return [uniform(f"{name}/{i}", s) + 0.5 if i == variance else 2 * uniform(f"{name}/{i}", s) - 1
            for i, s in enumerate(shapes)]


def add_case(kind, compute, shapes, attr=None, flags=(), variance=None):
    """compute(tensors...) makes dst before ReLU. Layout of dst: plain, but for reorders."""
    name = f"{kind}-{sum(case['kind'] == kind for case in CASES)}"
    dst = compute(*inputs(name, shapes, variance))
    if "relu" in flags or kind == "relu":
        dst = torch.relu(dst)
    CASES.append({"name": name, "kind": kind, "flags": list(flags), "inputs": [list(s) for s in shapes],
                  "attr": attr or {}, "dims": list(dst.shape), "values": [float(f"{v:.9g}") for v in dst.flatten()]})


def pad4(src, before, after, value=0.0):
    return F.pad(src, (before[1], after[1], before[0], after[0]), value=value)


def conv(N, C, K, size, window, stride=(1, 1), dilation=(1, 1), before=(0, 0), after=None, groups=1, flags=()):
    after = before if after is None else after
    attr = {"stride": stride, "dilation": dilation, "pad_before": before, "pad_after": after, "groups": groups}

    def compute(src, weights, *rest):
        rest = list(rest)
        bias = rest.pop(0) if "bias" in flags else None
        dst = F.conv2d(pad4(src, before, after), weights, bias, stride, 0, dilation, groups)
        return dst + rest.pop(0) if "residual" in flags else dst

    shapes = [(N, C, *size), (K, C // groups, *window)]
    result = [(size[i] + before[i] + after[i] - dilation[i] * (window[i] - 1) - 1) // stride[i] + 1 for i in (0, 1)]
    if "bias" in flags:
        shapes.append((K,))
    if "residual" in flags:
        shapes.append((N, K, *result))
    add_case("conv", compute, shapes, attr, flags)


def convs():
    fused = ("bias", "residual", "relu")
    conv(1, 1, 1, (1, 1), (1, 1))
    conv(1, 3, 4, (5, 5), (1, 1), flags=("bias",))
    conv(2, 5, 3, (4, 3), (3, 3), before=(1, 1), flags=("bias", "relu"))
    conv(1, 4, 5, (5, 4), (3, 3), before=(1, 1), flags=fused)
    conv(1, 3, 4, (13, 11), (7, 7), (2, 2), before=(3, 3), flags=("bias", "relu"))
    conv(1, 6, 4, (7, 7), (1, 1), (2, 2), flags=("residual",))
    conv(2, 4, 3, (7, 6), (3, 3), (2, 2), before=(1, 1), flags=("bias",))
    conv(1, 3, 3, (9, 8), (3, 3), (3, 2), before=(0, 2), after=(2, 1), flags=("relu",))
    conv(1, 2, 3, (6, 9), (2, 4), before=(1, 0), after=(0, 2))
    conv(1, 3, 2, (9, 9), (3, 3), dilation=(2, 3), before=(2, 3), flags=("bias",))
    conv(1, 3, 2, (11, 8), (4, 2), (2, 1), (1, 3), (1, 2), (3, 0), flags=("bias", "residual"))
    conv(1, 6, 4, (5, 5), (3, 3), before=(1, 1), groups=2, flags=("bias",))
    conv(2, 6, 9, (4, 4), (3, 3), (2, 2), before=(1, 1), groups=3, flags=fused)
    conv(1, 5, 5, (6, 5), (3, 3), before=(1, 1), groups=5, flags=("bias", "relu"))
    conv(1, 4, 8, (5, 5), (5, 3), before=(2, 1), groups=4)
    conv(3, 2, 3, (3, 4), (3, 4))
    conv(1, 150, 3, (3, 5), (1, 3), before=(0, 1), flags=("bias",))
    conv(1, 3, 70, (2, 1), (2, 1), flags=("bias", "relu"))
    conv(1, 32, 2, (6, 6), (3, 3), before=(1, 1), flags=("residual", "relu"))
    conv(1, 2, 1, (1, 37), (1, 3), before=(0, 1))
    conv(1, 1, 2, (4, 4), (3, 3), before=(3, 2), after=(1, 3))
    conv(1, 17, 9, (3, 3), (3, 3), before=(1, 1), flags=("bias",))
    # Whole vectors of channels, pixel for pixel: register tiles in a row, of which an image's last two overlap.
    conv(2, 272, 64, (23, 1), (1, 1), flags=fused)
    conv(1, 16, 128, (1, 7), (1, 1))
    conv(3, 16, 64, (29, 1), (1, 1), flags=fused)
    # Tiles of a first layer that touch no edge.
    conv(1, 3, 16, (9, 40), (3, 3), (2, 2), before=(1, 1), flags=("bias",))


def linears():
    def compute(src, weights, bias=None):
        return F.linear(src, weights, bias)

    for N, C, K, flags in [(1, 1, 1, ()), (1, 64, 10, ("bias",)), (3, 7, 5, ("bias", "relu")), (2, 33, 17, ()),
                           (5, 300, 3, ("bias",)), (2, 9, 8, ("relu",)), (4, 16, 16, ("bias",)), (9, 33, 5, ("bias",))]:
        add_case("linear", compute, [(N, C), (K, C)] + ([(K,)] if "bias" in flags else []), flags=flags)


def norms():
    for shape, epsilon, flags in [((1, 1, 1, 1), 1e-5, ()), ((2, 3, 3, 2), 1e-5, ()), ((1, 9, 2, 3), 1e-3, ("relu",)),
                                  ((3, 5), 1e-5, ("relu",)), ((2, 17, 1, 2), 0.0, ()), ((1, 4, 5, 3), 1e-5, ("relu",))]:
        epsilon = float(np.float32(epsilon))
        add_case("batch_norm",
                 lambda src, scale, shift, mean, variance: F.batch_norm(src, mean, variance, scale, shift, eps=epsilon),
                 [shape] + [(shape[1],)] * 4, {"epsilon": epsilon}, flags, variance=4)


def steep(src):
    """What runtime/verify/ops/sigmoid.c draws."""
    scale = torch.full((src.numel(),), 4.0, dtype=src.dtype)
    scale[::2] = 128
    return src * scale.reshape(src.shape)


def elementwise():
    for shape in [(1, 1, 1, 1), (2, 3, 3, 3), (3, 17), (1, 9, 5, 1)]:
        add_case("relu", lambda src: src, [shape])
        add_case("add", torch.add, [shape, shape])
        add_case("add", torch.add, [shape, shape], flags=("relu",))
        add_case("mul", torch.mul, [shape, shape])
        add_case("sigmoid", lambda src: torch.sigmoid(steep(src)), [shape])
    for a, b in [((2, 3, 4, 5), (2, 3, 1, 1)), ((1, 17, 1, 1), (2, 17, 2, 1)), ((2, 9, 3, 1), (2, 9, 1, 4)),
                 ((3, 5), (1, 5)), ((4, 1), (4, 7)), ((2, 5, 3, 3), (2, 1, 3, 3)), ((2, 1, 3, 1, 2), (1, 4, 3, 5, 2)),
                 ((1, 5, 2, 3), (1, 1, 1, 1))]:
        add_case("mul", torch.mul, [a, b], flags=("broadcast",))
        add_case("add", torch.add, [a, b], flags=("broadcast",))
        add_case("add", torch.add, [a, b], flags=("broadcast", "relu"))


def average(src, window, stride, before, after, count_padding):
    """Sums of windows over zero padding, by the number of elements that count."""
    ones = torch.ones_like(src)
    area = window[0] * window[1]
    sums = F.avg_pool2d(pad4(src, before, after), window, stride) * area
    inside = F.avg_pool2d(pad4(ones, before, after), window, stride) * area
    return sums / (area if count_padding else inside)


def pools():
    for shape, window, stride, before, after in [
            ((1, 1, 1, 1), (1, 1), (1, 1), (0, 0), (0, 0)), ((1, 3, 8, 7), (3, 3), (2, 2), (1, 1), (1, 1)),
            ((2, 2, 5, 5), (2, 2), (2, 2), (0, 0), (0, 0)), ((1, 9, 4, 6), (2, 3), (2, 3), (1, 0), (0, 2)),
            ((1, 2, 6, 5), (3, 2), (1, 2), (2, 1), (1, 0)), ((1, 3, 9, 9), (2, 1), (3, 3), (0, 0), (1, 0)),
            ((3, 2, 3, 3), (3, 3), (1, 1), (1, 1), (1, 1))]:
        attr = {"window": window, "stride": stride, "pad_before": before, "pad_after": after}
        add_case("max_pool", lambda src: F.max_pool2d(pad4(src, before, after, -np.inf), window, stride), [shape],
                 {**attr, "count_padding": 0})
        for count in (0, 1):
            add_case("avg_pool", lambda src: average(src, window, stride, before, after, count), [shape],
                     {**attr, "count_padding": count})


def others():
    for shape in [(1, 1, 1, 1), (2, 5, 7, 7), (1, 17, 3, 5), (3, 2, 1, 9)]:
        add_case("global_pool", lambda src: src.mean((2, 3)), [shape])
    for shape in [(1, 1), (1, 10), (3, 7), (2, 33)]:
        add_case("softmax", lambda src: F.softmax(src, 1), [shape])
    for shape, stride, lead, after in [((1, 1, 1, 1), 1, 0, 0), ((2, 2, 4, 4), 2, 1, 1), ((1, 3, 5, 7), 2, 2, 1),
                                       ((1, 2, 5, 4), 3, 0, 3), ((1, 9, 3, 3), 2, 4, 5)]:
        add_case("shortcut", lambda src: F.pad(src[:, :, ::stride, ::stride], (0, 0, 0, 0, lead, after)), [shape],
                 {"stride": stride, "lead": lead, "channels": lead + shape[1] + after})


def lrns():
    """PyTorch's window is longer before the channel where the size is even, ONNX's (and Shunt's) after it: so the channels are
    mirrored for PyTorch. It wants an axis behind the channels."""
    for shape, size, alpha, beta, bias in [((1, 1, 1, 1), 1, 1.0, 0.75, 1.0), ((2, 7, 3, 4), 5, 1e-4, 0.75, 2.0),
                                           ((1, 17, 2, 3), 3, 2.0, 0.5, 1.0), ((1, 18, 3, 1), 4, 3.0, 0.75, 0.5),
                                           ((1, 5, 2, 2), 2, 1.0, 1.0, 1.0), ((2, 5, 1, 3), 11, 4.0, 0.75, 1.0),
                                           ((1, 9, 1, 2), 8, 4.0, 1.25, 1.0), ((3, 6), 3, 1.0, 0.75, 1.0)]:
        alpha, beta, bias = (float(np.float32(x)) for x in (alpha, beta, bias))

        def compute(src):
            src = src.flip(1).reshape(*shape, *[1] * (3 - len(shape)))
            return F.local_response_norm(src, size, alpha, beta, bias).flip(1).reshape(shape)

        add_case("lrn", compute, [shape], {"size": size, "alpha": alpha, "beta": beta, "bias": bias})


# shape, size, factor, PyTorch's mode, align_corners; PyTorch's float64 nearest computes its ratio in float32, as here it is exact.
RESIZES = [((1, 2, 3, 4), (6, 8), None, "bilinear", False), ((2, 3, 5, 4), (3, 9), None, "bilinear", False),
           ((1, 17, 4, 4), (9, 2), None, "bilinear", True), ((1, 2, 1, 1), (3, 5), None, "bilinear", False),
           ((1, 2, 6, 5), (1, 1), None, "bilinear", True), ((1, 3, 4, 6), None, (2.0, 1.5), "bilinear", False),
           ((1, 3, 7, 5), None, (0.6, 0.7), "bilinear", False), ((1, 2, 5, 3), None, (1.7, 2.5), "bilinear", True),
           ((2, 3, 3, 4), (6, 8), None, "nearest", None), ((1, 9, 5, 7), (3, 4), None, "nearest", None),
           ((1, 2, 4, 3), (7, 10), None, "nearest", None), ((1, 2, 4, 6), None, (0.5, 2.0), "nearest", None),
           ((1, 3, 4, 3), (7, 8), None, "nearest-exact", None), ((1, 2, 6, 9), (4, 4), None, "nearest-exact", None)]


# Shape, size, mode: antialiased.
SMOOTH = [((1, 3, 9, 14), (4, 5), "bilinear"), ((2, 9, 7, 5), (3, 9), "bilinear"), ((1, 2, 6, 6), (6, 2), "bilinear"),
          ((1, 3, 11, 13), (5, 4), "bicubic"), ((2, 2, 4, 9), (7, 3), "bicubic"), ((1, 17, 16, 1), (2, 1), "bicubic")]


def resize_attr(size, factor, mode, corners):
    """What op.h calls it."""
    return {"filter": int(mode != "bilinear"), "coordinates": 1 if corners else 2 if mode == "nearest" else 0,
            "rounding": 3 if mode == "nearest-exact" else 0, "size": size or (0, 0), "factor": factor or (0, 0)}


def resizes():
    for shape, size, factor, mode, corners in RESIZES:
        factor = factor and tuple(float(np.float32(f)) for f in factor)
        add_case("resize", lambda src: F.interpolate(src, size, factor, mode, corners), [shape],
                 resize_attr(size, factor, mode, corners))
    for shape, size, mode in SMOOTH:
        add_case("resize", lambda src: F.interpolate(src, size, None, mode, False, antialias=True), [shape],
                 {"filter": 2 if mode == "bilinear" else 3, "coordinates": 0, "rounding": 0, "size": size, "factor": (0, 0)})


def boxes(key, src, scale, R):
    """What runtime/verify/ops/roi_align.c makes of drawn numbers: a picture's number, now and then one too many; two places, and how far
    the other two are from them, in sixteenths of an element of src."""
    u, size = uniform(key, (R, 5)), torch.tensor([src[3], src[2]], dtype=torch.float64)
    begin = torch.floor(u[:, 1:3] * 20 * size) - 4 * size
    length = torch.where(u[:, 3:] < 0.125, 0, torch.floor(u[:, 3:] * 20 * size) - 4 * size)
    return torch.cat([torch.floor(u[:, :1] * (src[0] + 0.25)), torch.cat([begin, begin + length], 1) / (16 * scale)], 1)


# src, scale, boxes, size, sampling, aligned, area. Whether a sample at the very border counts must not depend on rounding.
ROIS = [((1, 1, 8, 8), 1.0, 4, (1, 1), 1, 0, None), ((2, 3, 9, 7), 0.5, 9, (2, 2), 2, 0, None),
        ((1, 17, 6, 11), 0.25, 5, (7, 7), 2, 1, None), ((2, 5, 13, 10), 0.125, 9, (3, 5), 0, 0, None),
        ((3, 2, 5, 4), 1.0, 12, (4, 2), 0, 1, None), ((1, 4, 1, 6), 0.5, 8, (2, 4), 4, 1, None),
        ((2, 9, 12, 12), 1.0, 16, (4, 4), 0, 0, (8.0, 60.0)), ((1, 3, 40, 30), 0.0625, 6, (2, 3), 0, 1, None)]


def rois():
    """The mode that PyTorch lacks is compared with ONNX's own case, by onnx_backend."""
    for src, scale, R, size, sampling, aligned, area in ROIS:
        attr = {"size": size, "sampling": sampling, "aligned": aligned, "mode": 0, "scale": scale,
                "area": area or (0.0, 0.0)}
        key = f"roi_align-{sum(case['kind'] == 'roi_align' for case in CASES)}/1"

        def compute(image, _, residual=0):
            given = boxes(key, src, scale, R)
            areas = (given[:, 3] - given[:, 1]) * (given[:, 4] - given[:, 2])
            wanted = given[:, 0] < src[0]
            if area:
                wanted &= (areas >= area[0]) & (areas < area[1])
            dst = torch.zeros(R, src[1], *size, dtype=torch.float64)
            dst[wanted] = torchvision.ops.roi_align(image, given[wanted], size, scale, sampling, bool(aligned))
            return dst + residual

        flags = ("residual",) if R == 9 else ()
        add_case("roi_align", compute, [src, (R, 5)] + [(R, src[1], *size)] * len(flags), attr, flags)


def blocked(src, block):
    """N C H W to N C/b H W b, the lanes past C zero; block 0 is N H W C."""
    N, C, H, W = src.shape
    block = block or C
    src = F.pad(src, (0, 0, 0, 0, 0, -C % block))
    return src.reshape(N, -1, block, H, W).permute(0, 1, 3, 4, 2)


def reorders():
    """The values are dst's memory, zero lanes and all; the input is given plain and laid out by the test."""
    for shape, before, after in [((1, 1, 1, 1), 1, 8), ((2, 3, 2, 3), 1, 8), ((1, 17, 2, 1), 1, 16), ((2, 5, 2, 3), 1, 0),
                                 ((1, 9, 2, 2), 8, 1), ((1, 5, 3, 2), 0, 1), ((1, 11, 1, 3), 16, 8), ((1, 4, 2, 3), 4, 0),
                                 ((1, 7, 1, 2), 3, 4)]:
        add_case("reorder", lambda src: blocked(src, after), [shape], {"blocks": [before, after]})


def rows():
    """Decisions, and rows by their numbers, as runtime/verify/ops draws them: of 2u - 1 these are made here."""
    for shape in [(2, 3, 4, 3), (5, 17), (1, 9, 3, 3)]:
        def stepped(src):
            u = (src + 1) / 2
            x = (2 * u - 0.5).flatten()
            x[torch.arange(x.numel()) % 7 == 3] = 0.5
            return (x > 0.5).to(src.dtype).reshape(src.shape)

        add_case("step", stepped, [shape])
    for shape, numbers, first, count in [((3, 2, 4, 3), 5, 1, 4), ((4, 17, 2, 1), 6, 0, 6), ((2, 9), 3, 2, 1),
                                         ((6, 16, 3, 2), 9, 3, 5)]:
        def gathered(src, index):
            N = src.shape[0]
            wanted = ((index + 1) / 2 * (N + 2)).long()[first:first + count] - 1
            inside = (wanted >= 0) & (wanted < N)
            taken = src.index_select(0, wanted.clamp(0, N - 1))
            return taken * inside.to(src.dtype).reshape((-1,) + (1,) * (src.dim() - 1))

        add_case("gather", gathered, [shape, (numbers,)], {"first": first, "count": count})
    for shape, numbers, first, count in [((3, 2, 4, 3), 5, 1, 4), ((4, 17, 2, 1), 6, 0, 6), ((2, 9), 3, 2, 1),
                                         ((6, 16, 3, 2), 9, 3, 5)]:
        def scattered(src, rows, index):
            wanted = src.shape[0] - torch.arange(index.numel())[first:first + count]
            inside = (wanted >= 0) & (wanted < src.shape[0])
            return src.index_copy(0, wanted[inside], rows[inside])

        add_case("scatter", scattered, [shape, (count,) + shape[1:], (numbers,)], {"first": first, "count": 0})


def write(*makers):
    for make in makers:
        make()
    print("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES) + "\n]")


if __name__ == "__main__":
    write(convs, linears, norms, elementwise, pools, others, reorders, lrns, resizes, rois, rows)
