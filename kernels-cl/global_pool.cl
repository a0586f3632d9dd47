/* global_pool.cl - dst (N,C), plain = mean of src (N,C,H,W) over H and W; and its gradient.
 *
 * global_pool: work-items (WG * N * ceil(C/B) * B/V), groups of WG: a group makes V channels of one image. Its items take every
 * WG-th pixel and add up their parts as a tree: the order is fixed, so the result is reproducible.
 * Memory per group: H*W vectors of src once; local WG vectors where WG > 1.
 * global_pool_grad, built with GRADIENT alone: one work-item per piece of a plane of diff_src (common.cl), which it writes once. */
#include "common.cl"

#ifndef GRADIENT
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
global_pool(__global const real *src, ulong src_at, __global real *dst, ulong dst_at, int C, int pixels)
{
    const size_t group = get_group_id(0);
    const int item = get_local_id(0);
    const struct place at = place_of(group, C, 1, 1);
    src += src_at + group / (B / V) * pixels * B + at.c % B;

    vec sum = (vec)0.0f;
    for (int i = item; i < pixels; i += WG) sum += load_aligned(src + (size_t)i * B);

#if WG > 1
    __local vec parts[WG];
    parts[item] = sum;
    for (int stride_ = WG / 2; stride_ > 0; stride_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < stride_) parts[item] += parts[item + stride_];
    }
    if (item > 0) return;
    sum = parts[0];
#endif
    store_channels(sum / (acc)pixels, dst + dst_at + (size_t)at.n * C, at.c, C);
}
#else
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
global_pool_grad(__global const real *diff_dst, ulong diff_dst_at, __global real *diff_src, ulong diff_src_at,
                 ulong pieces, int run, int C, int pixels)
{
    const size_t i = get_global_id(0);
    if (i >= pieces) return;
    const struct place at = piece_of(i, C, 1, pixels, run);
    const vec part = load_channels(diff_dst + diff_dst_at + (size_t)at.n * C, at.c, C) / (acc)pixels;
    diff_src += diff_src_at + blocked(B, at.n, at.c, C, 1, pixels, 0, 0);
    for (int pixel = at.w; pixel < min(at.w + run, pixels); pixel++) store_aligned(part, diff_src + (size_t)pixel * B);
}
#endif
