/* pool.cl - dst (N,C,P,Q) = maximum (built with MAX) or mean of windows of src (N,C,H,W); max: padding counts as
 * -infinity and NaN wins; mean: divided by the window's elements inside src, or by all of them (count_padding).
 * Work-items: one per vector of V channels of dst, in the order of its memory; groups of WG.
 * Memory per item: window vectors of src, one of dst. */
#include "common.cl"

struct pool_dims {
    int C, H, W, P, Q;
    int window_h, window_w, stride_h, stride_w, pad_top, pad_left, count_padding;
};

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void pool(__global const float *src, ulong src_at, __global float *dst, ulong dst_at, ulong vectors,
                   const struct pool_dims d)
{
    const size_t i = get_global_id(0);
    if (i >= vectors) return;
    const struct place at = place_of(i, d.C, d.P, d.Q);
    const int top = at.h * d.stride_h - d.pad_top, left = at.w * d.stride_w - d.pad_left;
    const int h_begin = max(top, 0), h_end = min(top + d.window_h, d.H);
    const int w_begin = max(left, 0), w_end = min(left + d.window_w, d.W);
    src += src_at + blocked(B, at.n, at.c, d.C, d.H, d.W, 0, 0);

#ifdef MAX
    vec result = (vec)-INFINITY;
#else
    vec result = (vec)0.0f;
#endif
    for (int h = h_begin; h < h_end; h++) {
        for (int w = w_begin; w < w_end; w++) {
            const vec x = LOAD(src + ((size_t)h * d.W + w) * B);
#ifdef MAX
            result = select(result, x, (x > result) | (x != x));
#else
            result += x;
#endif
        }
    }
#ifndef MAX
    const int inside = max(h_end - h_begin, 0) * max(w_end - w_begin, 0);
    result /= (float)(d.count_padding ? d.window_h * d.window_w : inside);
#endif
    STORE(clear_tail(result, at.c, d.C), dst + dst_at + i * V);
}
