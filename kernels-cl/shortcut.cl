/* shortcut.cl - the paper's option A: dst (N,K,P,Q) takes every stride-th row and column of src (N,C,H,W), with `lead` zero channels
 * before and zeros after; and its gradient. The result is in blocks of B channels, what is read in blocks of SB; V divides both.
 * Work-items: one per piece of a row of the result (common.cl); groups of WG. Reads two vectors for each that it writes. */
#include "common.cl"

/* Channels c .. c + V - 1 (c > -V), which need not be a vector of memory, of the pixel whose channel 0 is *pixel; zero where there are none.
 * Planes are `plane` elements apart. */
static inline vec load_shifted(__global const real *pixel, size_t plane, int c, int C)
{
    const int first = c < 0 ? -1 : c / V, shift = c - first * V;
    vec x[2];
    acc lanes[2 * V];
    for (int i = 0; i < 2; i++) {
        const int at = (first + i) * V;
        x[i] = at >= 0 && at < C ? load_aligned(pixel + at / SB * plane * SB + at % SB) : (vec)0.0f;
    }
    if (shift == 0) return x[0];
    STORE(x[0], lanes);
    STORE(x[1], lanes + V);
    return LOAD(lanes + shift);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void shortcut(__global const real *src, ulong src_at,
                                                                       __global real *dst, ulong dst_at, ulong pieces,
                                                                       int run, int C, int H, int W, int K, int P,
                                                                       int Q, int stride, int lead)
{
    const size_t i = get_global_id(0);
    if (i >= pieces) return;
    const struct place at = piece_of(i, K, P, Q, run);
    const int c = at.c - lead, none = c <= -V || c >= C;
    src += src_at + blocked(SB, at.n, 0, C, H, W, at.h * stride, 0);
    dst += dst_at + blocked(B, at.n, at.c, K, P, Q, at.h, 0);
    for (int q = at.w; q < min(at.w + run, Q); q++)
        store_aligned(none ? (vec)0.0f : load_shifted(src + (size_t)q * stride * SB, (size_t)H * W, c, C),
                      dst + (size_t)q * B);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
shortcut_grad(__global const real *diff_dst, ulong diff_dst_at, __global real *diff_src, ulong diff_src_at,
              ulong pieces, int run, int C, int H, int W, int K, int P, int Q, int stride, int lead)
{
    const size_t i = get_global_id(0);
    if (i >= pieces) return;
    const struct place at = piece_of(i, C, H, W, run);
    const int none = at.h % stride;
    diff_dst += diff_dst_at + blocked(SB, at.n, 0, K, P, Q, at.h / stride, 0);
    diff_src += diff_src_at + blocked(B, at.n, at.c, C, H, W, at.h, 0);
    for (int w = at.w; w < min(at.w + run, W); w++) {
        const vec diff = none || w % stride
                             ? (vec)0.0f
                             : load_shifted(diff_dst + (size_t)(w / stride) * SB, (size_t)P * Q, at.c + lead, K);
        store_aligned(clear_tail(diff, at.c, C), diff_src + (size_t)w * B);
    }
}
