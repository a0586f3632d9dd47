#!/usr/bin/python3
"""training.py - expected results of what training adds, from PyTorch's autograd and torch.optim.SGD in float64, for
tests/backends/ops_golden.c.

    python3 tests/golden/training.py > tests/golden/training.json

Inputs are drawn as in ops.py; runtime/verify/ops says what is made of them, kind by kind. Attributes are rounded to float32
first, for so the ABI carries them.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss
from ops import CASES, RESIZES, pad4, resize_attr, uniform, write


def single(value):
    return float(np.float32(value))


def signed(name, shape):
    return 2 * uniform(name, shape) - 1


def next_name(kind):
    return f"{kind}-{sum(case['kind'] == kind for case in CASES)}"


def add_case(kind, inputs, outputs, attr=None, flags=()):
    """inputs: shapes; outputs: tensors."""
    CASES.append({"name": next_name(kind), "kind": kind, "flags": list(flags), "inputs": [list(s) for s in inputs],
                  "attr": attr or {}, "outputs": [{"dims": list(t.shape),
                                                   "values": [float(f"{v:.9g}") for v in t.detach().flatten()]}
                                                  for t in outputs]})


def norms():
    for shape, epsilon, flags in [((4, 3, 3, 2), 1e-5, ()), ((2, 5, 3, 3), 1e-3, ("relu",)), ((7, 4), 1e-5, ("relu",)),
                                  ((1, 9, 2, 4), 1e-5, ()), ((3, 2, 1, 5), 1e-5, ("relu",))]:
        C, epsilon, axes = shape[1], single(epsilon), [i for i in range(len(shape)) if i != 1]
        src = signed(next_name("batch_statistics") + "/0", shape)
        add_case("batch_statistics", [shape], [src.mean(axes), src.var(axes, unbiased=False)])
        name = next_name("batch_norm_grad")
        src, scale, shift = (signed(f"{name}/{i}", s).requires_grad_() for i, s in enumerate([shape, (C,), (C,)]))
        dst = F.batch_norm(src, None, None, scale, shift, training=True, eps=epsilon)
        dst = torch.relu(dst) if "relu" in flags else dst
        dst.backward(signed(f"{name}/5", shape))
        add_case("batch_norm_grad", [shape] + [(C,)] * 4 + [shape], [src.grad, scale.grad, shift.grad],
                 {"epsilon": epsilon}, flags)


def elementwise():
    for shape in [(2, 3, 4, 2), (1, 17, 1, 3), (3, 7)]:
        name = next_name("sigmoid_grad")
        dst, diff_dst = uniform(f"{name}/0", shape), signed(f"{name}/1", shape)
        src = torch.logit(dst).requires_grad_()
        torch.sigmoid(src).backward(diff_dst)
        add_case("sigmoid_grad", [shape, shape], [src.grad])
    # The gradient by what was repeated along these axes.
    for shape, axes in [((2, 3, 4, 5), (2, 3)), ((3, 9, 2, 3), (0, 2, 3)), ((2, 5, 3, 3), (1,)), ((4, 6), (0,)),
                        ((2, 3, 2, 4, 3), (0, 2, 4)), ((7,), (0,)), ((2, 17, 3, 2), ()), ((1, 2, 50, 60), (0, 1, 2, 3))]:
        name = next_name("reduce_sum")
        kept = [1 if i in axes else n for i, n in enumerate(shape)]
        part = torch.zeros(kept, dtype=torch.float64, requires_grad=True)
        part.expand(shape).backward(signed(f"{name}/0", shape))
        add_case("reduce_sum", [shape], [part.grad], {"axes": sum(1 << i for i in axes)})


def convs():
    for N, C, K, size, window, stride, dilation, before, after, groups in [
            (2, 3, 4, (5, 4), (3, 3), (1, 1), (1, 1), (1, 1), (1, 1), 1),
            (1, 4, 3, (7, 6), (3, 3), (2, 2), (1, 1), (1, 1), (1, 1), 1),
            (2, 5, 2, (5, 5), (1, 1), (2, 2), (1, 1), (0, 0), (0, 0), 1),
            (1, 3, 2, (9, 8), (3, 2), (3, 2), (2, 3), (0, 2), (3, 1), 1),
            (1, 6, 4, (5, 6), (3, 3), (2, 1), (1, 2), (1, 2), (1, 2), 2),
            (1, 64, 32, (4, 5), (1, 1), (1, 1), (1, 1), (0, 0), (0, 0), 1)]:
        attr = {"stride": stride, "dilation": dilation, "pad_before": before, "pad_after": after, "groups": groups}
        shapes = {"src": (N, C, *size), "weights": (K, C // groups, *window)}

        def gradients(name, src, weights, diff_dst):
            src, weights = src.requires_grad_(), weights.requires_grad_()
            bias = torch.zeros(K, dtype=torch.float64, requires_grad=True)
            dst = F.conv2d(pad4(src, before, after), weights, bias, stride, 0, dilation, groups)
            dst.backward(signed(f"{name}/{diff_dst}", dst.shape))
            return tuple(dst.shape), src.grad, weights.grad, bias.grad

        for flags in [("relu",), ("residual", "relu")]:
            name = next_name("conv_grad_src")
            src, weights = torch.zeros(shapes["src"], dtype=torch.float64), signed(f"{name}/0", shapes["weights"])
            dst, diff_src, _, _ = gradients(name, src, weights, 1)
            for i, flag in enumerate(flags):
                other = signed(f"{name}/{2 + i}", shapes["src"])
                diff_src = diff_src + other if flag == "residual" else torch.where(other > 0, diff_src, torch.zeros(()))
            add_case("conv_grad_src", [shapes["weights"], dst] + [shapes["src"]] * len(flags), [diff_src], attr, flags)
        for flags in [(), ("bias",)]:
            name = next_name("conv_grad_weights")
            src, weights = signed(f"{name}/0", shapes["src"]), torch.zeros(shapes["weights"], dtype=torch.float64)
            dst, _, diff_weights, diff_bias = gradients(name, src, weights, 1)
            add_case("conv_grad_weights", [shapes["src"], dst], [diff_weights] + [diff_bias] * len(flags), attr, flags)


def pools():
    """Sixteen values only, so most maxima are shared."""
    for shape, window, stride, before, after in [((2, 2, 6, 5), (3, 3), (2, 2), (1, 1), (1, 1)),
                                                 ((1, 3, 7, 7), (3, 2), (1, 2), (2, 1), (1, 0)),
                                                 ((1, 2, 4, 4), (2, 2), (2, 2), (0, 0), (0, 0)),
                                                 ((1, 2, 5, 4), (4, 4), (1, 1), (2, 2), (2, 2))]:
        attr = {"window": window, "stride": stride, "pad_before": before, "pad_after": after, "count_padding": 0}
        name = next_name("max_pool_grad")
        src = (torch.floor(16 * uniform(f"{name}/0", shape)) / 8 - 1).requires_grad_()
        dst = F.max_pool2d(pad4(src, before, after, -np.inf), window, stride)
        dst.backward(signed(f"{name}/1", dst.shape))
        add_case("max_pool_grad", [shape, dst.shape], [src.grad], attr)


def resizes():
    for shape, size, factor, mode, corners in RESIZES:
        factor, name = factor and tuple(single(f) for f in factor), next_name("resize_grad")
        src = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        dst = F.interpolate(src, size, factor, mode, corners)
        dst.backward(signed(f"{name}/0", dst.shape))
        add_case("resize_grad", [dst.shape], [src.grad], resize_attr(size, factor, mode, corners))


def losses():
    for N, C, smoothing in [(4, 10, 0), (3, 5, 0.1), (1, 2, 1), (5, 7, 0.5), (2, 1, 0.1)]:
        smoothing, name = single(smoothing), next_name("cross_entropy")
        logits = signed(f"{name}/0", (N, C)).requires_grad_()
        labels = torch.floor(uniform(f"{name}/1", (N,)) * C).long()
        F.cross_entropy(logits, labels, label_smoothing=smoothing).backward()
        add_case("cross_entropy", [(N, C), (N,)],
                 [F.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing), logits.grad],
                 {"smoothing": smoothing})


def weighted_losses():
    """Of places, each with a weight; labels of -1 are of no class."""
    for shape, alpha, gamma in [((2, 5, 3), .25, 2), ((3, 1, 2, 2), .5, 0), ((1, 7, 1), 1, 1.5), ((4, 3), .125, 2)]:
        alpha, gamma, name = single(alpha), single(gamma), next_name("focal_loss")
        each = (shape[0], 1, *shape[2:])
        logits = (16 * uniform(f"{name}/0", shape) - 8).requires_grad_()
        labels = torch.floor(uniform(f"{name}/1", each) * (shape[1] + 1)) - 1
        weights = .5 + uniform(f"{name}/2", each)
        targets = (torch.arange(shape[1]).reshape(1, -1, *[1] * (len(shape) - 2)) == labels).double()
        losses = (weights * sigmoid_focal_loss(logits, targets, alpha, gamma)).sum(1, True)
        losses.sum().backward()
        add_case("focal_loss", [shape, each, each], [losses, logits.grad], {"alpha": alpha, "gamma": gamma})
    for shape, beta in [((2, 4, 3), 0), ((1, 4, 2, 5), 1 / 9), ((3, 2), 1)]:
        beta, name = single(beta), next_name("smooth_l1")
        each = (shape[0], 1, *shape[2:])
        src, target = signed(f"{name}/0", shape).requires_grad_(), signed(f"{name}/1", shape)
        losses = (signed(f"{name}/2", each) * F.smooth_l1_loss(src, target, reduction="none", beta=beta)).sum(1, True)
        losses.sum().backward()
        add_case("smooth_l1", [shape, shape, each], [losses, src.grad], {"beta": beta})


def optimizers():
    """The results after several steps; that of step s has diff from NAME.s, and the rates are as given."""
    rates = [single(r) for r in (0.1, 0.05, 0.2, 0.01, 0.1)]
    for momentum, decay, nesterov in [(0, 0, False), (0.9, 0, False), (0.9, 1e-2, False), (0.9, 1e-2, True),
                                      (0.5, 0.1, True), (0, 0.3, False)]:
        name, shape = next_name("sgd"), (3, 4)
        momentum, decay = single(momentum), single(decay)
        weights = signed(f"{name}/0", shape).requires_grad_()
        optimizer = torch.optim.SGD([weights], lr=1, momentum=momentum, weight_decay=decay, nesterov=nesterov)
        last = None
        for step, rate in enumerate(rates):
            weights.grad = last = signed(f"{name}.{step}/2", shape)
            last = last + decay * weights.detach()
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
        velocity = optimizer.state[weights].get("momentum_buffer", last)
        add_case("sgd", [shape] * 3 + [(1,)], [weights, last if velocity is None else velocity],
                 {"momentum": momentum, "weight_decay": decay, "rates": rates}, ("nesterov",) if nesterov else ())


def shrinking():
    """The proximal step: the minimum over x of |x - given|^2 / 2 + threshold * sqrt(2 C) * |x|, where |x| is the norm of scale and shift
    together. It is found along the ray to the given point, where that function is convex, by bisection of its slope."""
    for C in (1, 3, 16, 37, 64, 130):
        name = next_name("shrink")
        given = torch.cat([signed(f"{name}/0", (C,)), signed(f"{name}/1", (C,))])
        threshold, direction = uniform(f"{name}/2", (1,)).item(), given / given.norm()
        low, high = 0.0, given.norm().item()
        for _ in range(200):
            length = torch.tensor((low + high) / 2, dtype=torch.float64, requires_grad=True)
            x = length * direction
            ((x - given).square().sum() / 2 + threshold * (2 * C) ** 0.5 * x.norm()).backward()
            low, high = (low, length.item()) if length.grad > 0 else (length.item(), high)
        x = direction * high if high > 1e-12 else torch.zeros_like(given)
        add_case("shrink", [(C,), (C,), (1,)], [x[:C], x[C:]])


def accumulating():
    """The sum counts as 0 or 1, as the element at the start of factors says (runtime/verify/ops/accumulate.c)."""
    for shape in [(3, 4), (37,), (2, 3, 3, 3), (130,), (1,), (5, 1, 7)]:
        name = next_name("accumulate")
        kept, added = uniform(f"{name}/2", (2,))
        before = signed(f"{name}/0", shape) if kept >= 0.5 else torch.zeros(shape, dtype=torch.float64)
        add_case("accumulate", [shape, shape, (2,)], [before + added * signed(f"{name}/1", shape)])


if __name__ == "__main__":
    write(norms, convs, pools, losses, weighted_losses, optimizers, elementwise, resizes, shrinking, accumulating)
