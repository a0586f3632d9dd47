/* softmax.cl - softmax: dst (N,C) = exp(src - max) / sum over C; log_softmax: its logarithm, src - max - log(sum). cross_entropy: see op.h; a label that is no class makes its
 * row NaN.
 *
 * Work-items: (WG * N), groups of WG: a group does one row, its items every WG-th element, maximum and sum as trees in a
 * fixed order. Memory per group: the row of src three times; local WG floats where WG > 1. In place is allowed. */
#define B 1
#define V 1
#include "common.cl"

#if WG > 1
#define REDUCE(x, combine)                                                                                             \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                                      \
    parts[item] = x;                                                                                                   \
    for (int stride_ = WG / 2; stride_ > 0; stride_ /= 2) {                                                            \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
        if (item < stride_) parts[item] = combine(parts[item], parts[item + stride_]);                                 \
    }                                                                                                                  \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                                      \
    x = parts[0];
#else
#define REDUCE(x, combine)
#endif
#define PLUS(a, b) ((a) + (b))

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void softmax(__global const real *src, ulong src_at,
                                                                      __global real *dst, ulong dst_at, int C)
{
    const int item = get_local_id(0);
#if WG > 1
    __local acc parts[WG];
#endif
    src += src_at + get_group_id(0) * C;
    dst += dst_at + get_group_id(0) * C;

    acc top = -INFINITY, sum = 0.0f;
    for (int c = item; c < C; c += WG) top = fmax(top, load(src, c));
    REDUCE(top, fmax)
    for (int c = item; c < C; c += WG) sum += exp(load(src, c) - top);
    REDUCE(sum, PLUS)
    for (int c = item; c < C; c += WG) store(exp(load(src, c) - top) / sum, dst, c);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void log_softmax(__global const real *src, ulong src_at,
                                                                          __global real *dst, ulong dst_at, int C)
{
    const int item = get_local_id(0);
#if WG > 1
    __local acc parts[WG];
#endif
    src += src_at + get_group_id(0) * C;
    dst += dst_at + get_group_id(0) * C;

    acc top = -INFINITY, sum = 0.0f;
    for (int c = item; c < C; c += WG) top = fmax(top, load(src, c));
    REDUCE(top, fmax)
    for (int c = item; c < C; c += WG) sum += exp(load(src, c) - top);
    REDUCE(sum, PLUS)
    const acc logarithm = log(sum);
    for (int c = item; c < C; c += WG) store(load(src, c) - top - logarithm, dst, c);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
cross_entropy(__global const real *logits, ulong logits_at, __global const param *labels, ulong labels_at,
              __global param *losses, ulong losses_at, __global real *diff_logits, ulong diff_logits_at, int C,
              float smoothing)
{
    const int item = get_local_id(0), n = get_group_id(0), N = get_num_groups(0);
#if WG > 1
    __local acc parts[WG];
#endif
    const param label = labels[labels_at + n];
    const int wanted = label >= 0.0f && label < (float)C ? (int)label : -1;
    logits += logits_at + (size_t)n * C;
    diff_logits += diff_logits_at + (size_t)n * C;

    acc top = -INFINITY, sum = 0.0f, below = 0.0f;
    for (int c = item; c < C; c += WG) top = fmax(top, load(logits, c));
    REDUCE(top, fmax)
    for (int c = item; c < C; c += WG) {
        sum += exp(load(logits, c) - top);
        below += load(logits, c) - top;
    }
    REDUCE(sum, PLUS)
    REDUCE(below, PLUS)
    for (int c = item; c < C; c += WG) {
        const acc t = (c == wanted ? 1.0f - smoothing : 0.0f) + smoothing / (float)C;
        store(wanted < 0 ? NAN : (exp(load(logits, c) - top) / sum - t) / (float)N, diff_logits, c);
    }
    if (item > 0) return;
    /* Terms of t = 0 do not count, be their logarithms infinite. */
    acc loss = wanted < 0 ? NAN : log(sum);
    if (smoothing < 1.0f && wanted >= 0) loss -= (1.0f - smoothing) * (load(logits, wanted) - top);
    if (smoothing > 0.0f) loss -= smoothing * (below / (float)C);
    losses[losses_at + n] = loss;
}
