/* eltwise.cl - relu: dst = max(src, 0); relu_grad: diff_src = diff_dst where dst > 0, else 0; add: dst = a + b, optionally
 * through ReLU; mul: dst = a * b; sigmoid: dst = 1 / (1 + exp(-src)); sigmoid_grad: diff_src = diff_dst * dst * (1 - dst); clip: dst = min(max(src, low), high), NaN stays NaN; step: dst = 1 where src > 1/2, else 0; copy: dst = src. Geometry: see flat.cl. Each reads and writes
 * its tensors once; in place is allowed. */
#include "flat.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void relu_flat(__global const real *src, ulong src_at,
                                                                        __global real *dst, ulong dst_at, ulong count)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V)
        store_flat(relu(load_flat(src + src_at, i, run.end)), dst + dst_at, i, run.end);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void step_flat(__global const real *src, ulong src_at,
                                                                        __global real *dst, ulong dst_at, ulong count)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V)
        store_flat(select((vec)0.0f, (vec)1.0f, load_flat(src + src_at, i, run.end) > 0.5f), dst + dst_at, i, run.end);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void relu_grad_flat(__global const real *dst, ulong dst_at,
                                                                             __global const real *diff_dst,
                                                                             ulong diff_dst_at, __global real *diff_src,
                                                                             ulong diff_src_at, ulong count)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V) {
        const vec passes = load_flat(dst + dst_at, i, run.end), diff = load_flat(diff_dst + diff_dst_at, i, run.end);
        store_flat(select((vec)0.0f, diff, passes > 0.0f), diff_src + diff_src_at, i, run.end);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void add_flat(__global const real *a, ulong a_at,
                                                                       __global const real *b, ulong b_at,
                                                                       __global real *dst, ulong dst_at, ulong count,
                                                                       int flags)
{
    const struct flat run = flat_run(count);
    const vec floor = flags & WITH_RELU ? (vec)0.0f : (vec)-INFINITY;
    for (ulong i = run.begin; i < run.end; i += V) {
        const vec sum = load_flat(a + a_at, i, run.end) + load_flat(b + b_at, i, run.end);
        store_flat(at_least(sum, floor), dst + dst_at, i, run.end);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void mul_flat(__global const real *a, ulong a_at,
                                                                       __global const real *b, ulong b_at,
                                                                       __global real *dst, ulong dst_at, ulong count)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V)
        store_flat(load_flat(a + a_at, i, run.end) * load_flat(b + b_at, i, run.end), dst + dst_at, i, run.end);
}

/* plane: elements of one channel block; 0: no lane is without a channel. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
sigmoid_flat(__global const real *src, ulong src_at, __global real *dst, ulong dst_at, ulong count, ulong plane, int C)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V) {
        vec x = 1.0f / (1.0f + exp(-load_flat(src + src_at, i, run.end)));
        if (plane) x = clear_tail(x, (int)(i / plane % CEIL_DIV(C, B)) * B + (int)(i % B), C);
        store_flat(x, dst + dst_at, i, run.end);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
sigmoid_grad_flat(__global const real *dst, ulong dst_at, __global const real *diff_dst, ulong diff_dst_at,
                  __global real *diff_src, ulong diff_src_at, ulong count)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V) {
        const vec y = load_flat(dst + dst_at, i, run.end), diff = load_flat(diff_dst + diff_dst_at, i, run.end);
        store_flat(diff * y * (1.0f - y), diff_src + diff_src_at, i, run.end);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
clip_flat(__global const real *src, ulong src_at, __global real *dst, ulong dst_at, ulong count, float low, float high)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V) {
        const vec x = at_least(load_flat(src + src_at, i, run.end), (vec)low);
        store_flat(select(x, (vec)high, x > (vec)high), dst + dst_at, i, run.end);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void copy_flat(__global const real *src, ulong src_at,
                                                                        __global real *dst, ulong dst_at, ulong count)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V)
        store_flat(load_flat(src + src_at, i, run.end), dst + dst_at, i, run.end);
}
