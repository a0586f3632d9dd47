/* resize.cl - dst (N,C,P,Q) from src (N,C,H,W): resize is bilinear (built with BILINEAR) or nearest, and resize_grad its gradient;
 * resize_spans is antialiased.
 *
 * taps, made by the host: first those of dst's P rows, then of its Q columns. A tap is two indices in src and, as the bits of floats, their
 * weights. reach, for the gradient: of src's H rows, then of its W columns, the first place of dst that is made of it, and the one
 * behind the last. spans: as taps; a span is the first of its indices in src, how many there are, and where in `weights` theirs begin.
 * Work-items: one per piece of a row of the result (common.cl); groups of WG.
 * Memory per vector: resize reads four of src, or one; resize_grad one vector of diff_dst per place that it reaches. */
#include "common.cl"

struct resize_dims {
    int C, H, W, P, Q;
};

enum { TAP = 4, SPAN = 3 }; /* numbers of a tap, of a span */

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void resize(__global const real *src, ulong src_at,
                                                                     __global real *dst, ulong dst_at,
                                                                     ulong pieces, int run, const struct resize_dims d,
                                                                     __global const int *taps)
{
    const size_t i = get_global_id(0);
    if (i >= pieces) return;
    const struct place at = piece_of(i, d.C, d.P, d.Q, run);
    __global const int *row = taps + at.h * TAP, *columns = taps + (size_t)d.P * TAP;
    src += src_at + blocked(B, at.n, at.c, d.C, d.H, d.W, 0, 0);
    dst += dst_at + blocked(B, at.n, at.c, d.C, d.P, d.Q, at.h, 0);
    __global const real *upper = src + (size_t)row[0] * d.W * B;
#ifdef BILINEAR
    __global const real *lower = src + (size_t)row[1] * d.W * B;
    const acc above = as_float(row[2]), below = as_float(row[3]);
#endif
    for (int q = at.w; q < min(at.w + run, d.Q); q++) {
        __global const int *column = columns + (size_t)q * TAP;
        const size_t left = (size_t)column[0] * B;
#ifdef BILINEAR
        const size_t right = (size_t)column[1] * B;
        const acc a = as_float(column[2]), b = as_float(column[3]);
        const vec result = above * (a * load_aligned(upper + left) + b * load_aligned(upper + right)) +
                           below * (a * load_aligned(lower + left) + b * load_aligned(lower + right));
#else
        const vec result = load_aligned(upper + left);
#endif
        store_aligned(clear_tail(result, at.c, d.C), dst + (size_t)q * B);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
resize_spans(__global const real *src, ulong src_at, __global real *dst, ulong dst_at, ulong pieces, int run,
             const struct resize_dims d, __global const int *spans, __global const float *weights)
{
    const size_t i = get_global_id(0);
    if (i >= pieces) return;
    const struct place at = piece_of(i, d.C, d.P, d.Q, run);
    __global const int *row = spans + at.h * SPAN, *columns = spans + (size_t)d.P * SPAN;
    __global const float *down = weights + row[2];
    src += src_at + blocked(B, at.n, at.c, d.C, d.H, d.W, row[0], 0);
    dst += dst_at + blocked(B, at.n, at.c, d.C, d.P, d.Q, at.h, 0);
    for (int q = at.w; q < min(at.w + run, d.Q); q++) {
        __global const int *column = columns + (size_t)q * SPAN;
        __global const float *right = weights + column[2];
        vec sum = (vec)0.0f;
        for (int y = 0; y < row[1]; y++) {
            __global const real *from = src + ((size_t)y * d.W + column[0]) * B;
            vec line = (vec)0.0f;
            for (int x = 0; x < column[1]; x++) line += right[x] * load_aligned(from + (size_t)x * B);
            sum += down[y] * line;
        }
        store_aligned(clear_tail(sum, at.c, d.C), dst + (size_t)q * B);
    }
}

/* The weight that element `index` of src has in a tap. */
static inline acc weight_of(__global const int *tap, int index)
{
    return (tap[0] == index ? as_float(tap[2]) : 0.0f) + (tap[1] == index ? as_float(tap[3]) : 0.0f);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
resize_grad(__global const real *diff_dst, ulong diff_dst_at, __global real *diff_src, ulong diff_src_at,
            ulong pieces, int run, const struct resize_dims d, __global const int *taps, __global const int *reach)
{
    const size_t i = get_global_id(0);
    if (i >= pieces) return;
    const struct place at = piece_of(i, d.C, d.H, d.W, run);
    __global const int *columns = taps + (size_t)d.P * TAP, *rows_of = reach + 2 * at.h;
    diff_dst += diff_dst_at + blocked(B, at.n, at.c, d.C, d.P, d.Q, 0, 0);
    diff_src += diff_src_at + blocked(B, at.n, at.c, d.C, d.H, d.W, at.h, 0);
    for (int w = at.w; w < min(at.w + run, d.W); w++) {
        __global const int *columns_of = reach + 2 * ((size_t)d.H + w);
        vec sum = (vec)0.0f;
        for (int p = rows_of[0]; p < rows_of[1]; p++) {
            __global const real *row = diff_dst + (size_t)p * d.Q * B;
            vec line = (vec)0.0f;
            for (int q = columns_of[0]; q < columns_of[1]; q++)
                line += weight_of(columns + (size_t)q * TAP, w) * load_aligned(row + (size_t)q * B);
            sum += weight_of(taps + (size_t)p * TAP, at.h) * line;
        }
        store_aligned(clear_tail(sum, at.c, d.C), diff_src + (size_t)w * B);
    }
}
