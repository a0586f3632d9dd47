/* conv_direct.cl - convolution of any stride, padding, dilation and groups, written for correctness on every device. With
 * -DGRADIENT its gradient by src: then src is diff_dst, dst is diff_src, C and K, H and P, W and Q have changed places, and
 * instead of a bias there may be a mask like dst.
 *
 * Work-items: one per vector of V channels of dst (N,K,P,Q), in the order of its memory; groups of WG.
 * Build options besides B, V, WG: SB, the block of src; GROUPED where groups > 1 (each lane then has its own channels).
 * Packed weights: [ceil(K/B)][C/groups][R][S][B], zero in lanes past K. Memory per item: R*S*C/groups elements of src
 * (V times as many when GROUPED) and as many vectors of weights, which neighbouring items share through the cache. */
#include "common.cl"
#include "conv.cl"

/* Where along one direction tap r of a pixel of dst meets src, or -1. */
static int meet(int at, int r, int stride_, int dilation, int pad, int size)
{
#ifdef GRADIENT
    const int reach = at + pad - r * dilation, from = reach / stride_;
    return reach >= 0 && from * stride_ == reach && from < size ? from : -1;
#else
    const int from = at * stride_ - pad + r * dilation;
    return (uint)from < (uint)size ? from : -1;
#endif
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_direct(__global const real *src, ulong src_at, __global const real *weights, ulong weights_at,
            __global const param *bias, ulong bias_at, __global const real *residual, ulong residual_at,
            __global real *dst, ulong dst_at, ulong vectors, const struct conv_dims d)
{
    const size_t i = get_global_id(0);
    if (i >= vectors) return;
    const struct place at = place_of(i, d.K, d.P, d.Q);
    const int channels = d.C / d.groups;
    src += src_at;
    weights += weights_at + (size_t)(at.c / B) * channels * d.R * d.S * B + at.c % B;

    vec sum = d.flags & WITH_BIAS ? load_params(bias + bias_at, at.c, d.K) : (vec)0.0f;
    for (int c = 0; c < channels; c++) {
        for (int r = 0; r < d.R; r++) {
            const int h = meet(at.h, r, d.stride_h, d.dilation_h, d.pad_top, d.H);
            for (int s = 0; s < d.S; s++, weights += B) {
                const int w = meet(at.w, s, d.stride_w, d.dilation_w, d.pad_left, d.W);
                if (h < 0 || w < 0) continue;
#ifdef GROUPED
                acc lanes[V];
                for (int lane = 0; lane < V; lane++) {
                    const int group = min(at.c + lane, d.K - 1) / (d.K / d.groups);
                    lanes[lane] = load(src, blocked(SB, at.n, group * channels + c, d.C, d.H, d.W, h, w));
                }
                const vec x = LOAD(lanes);
#else
                const vec x = (vec)load(src, blocked(SB, at.n, c, d.C, d.H, d.W, h, w));
#endif
                sum = fma(x, load_aligned(weights), sum);
            }
        }
    }
    if (d.flags & WITH_RESIDUAL) sum += load_aligned(residual + residual_at + i * V);
    if (d.flags & WITH_RELU) sum = relu(sum);
    if (d.flags & WITH_MASK) sum = masked(sum, load_aligned((__global const real *)(bias + bias_at) + i * V));
    store_aligned(clear_tail(sum, at.c, d.K), dst + dst_at + i * V);
}

/* weights (K,C/groups,R,S), with GRADIENT (C,K/groups,R,S) -> packed. Work-items: one per packed element. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void conv_direct_pack(__global const param *weights,
                                                                               ulong weights_at, __global real *packed,
                                                                               ulong packed_at,
                                                                               const struct conv_dims d)
{
    const size_t i = get_global_id(0);
    const int taps = d.R * d.S, channels = d.C / d.groups, filters = d.K / d.groups;
    if (i >= (size_t)CEIL_DIV(d.K, B) * B * channels * taps) return;
    const size_t tap = i / B % taps, c = i / B / taps % channels, k = i / B / taps / channels * B + i % B;
#ifdef GRADIENT
    const size_t from = (k / filters * channels + c) * filters + k % filters;
#else
    const size_t from = k * channels + c;
#endif
    store(k < d.K ? weights[weights_at + from * taps + tap] : 0.0f, packed, packed_at + i);
}
