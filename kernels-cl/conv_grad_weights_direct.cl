/* conv_grad_weights_direct.cl - the gradient of a convolution by its weights, of any stride, padding, dilation and groups,
 * written for correctness on every device:
 * diff_weights[k,c,r,s] = sum over n, p, q of diff_dst[n,k,p,q] * src[n,c,p*stride+r*dilation-pad,q*stride+s*dilation-pad].
 *
 * Work-items: (WG * ceil(K/B)*B/V * sums), groups of WG: a group makes one weight (c,r,s) of V channels of diff_dst; sums =
 * C/groups * R * S, and with a bias one more, whose src is 1. Its items take every WG-th pixel and add up their parts as a
 * tree: the order is fixed, so the result is reproducible.
 * Build options besides B (the block of diff_dst), V, WG: SB, the block of src; GROUPED where groups > 1.
 * Memory per group: N*P*Q vectors of diff_dst and as many elements of src (V times as many when GROUPED); local WG vectors
 * where WG > 1. */
#include "common.cl"
#include "conv.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_grad_weights_direct(__global const real *src, ulong src_at, __global const real *diff_dst, ulong diff_dst_at,
                         __global param *diff_weights, ulong diff_weights_at, __global param *diff_bias,
                         ulong diff_bias_at, const struct conv_dims d)
{
    const int item = get_local_id(0), channels = d.C / d.groups, weights = channels * d.R * d.S;
    const int sums = weights + (d.flags & WITH_BIAS ? 1 : 0);
    const int which = get_group_id(0) % sums, k = get_group_id(0) / sums * V;
    const int c = which / (d.R * d.S), r = which / d.S % d.R, s = which % d.S, is_bias = which == weights;
    src += src_at;
    diff_dst += diff_dst_at;

    vec sum = (vec)0.0f;
    for (size_t i = item; i < (size_t)d.N * d.P * d.Q; i += WG) {
        const int q = i % d.Q, p = i / d.Q % d.P, n = i / d.Q / d.P;
        const int h = p * d.stride_h - d.pad_top + r * d.dilation_h, w = q * d.stride_w - d.pad_left + s * d.dilation_w;
        if (!is_bias && ((uint)h >= (uint)d.H || (uint)w >= (uint)d.W)) continue;
        const vec y = load_aligned(diff_dst + blocked(B, n, k, (d.K + B - 1) / B * B, d.P, d.Q, p, q));
#ifdef GROUPED
        acc lanes[V];
        for (int lane = 0; lane < V; lane++) {
            const int group = min(k + lane, d.K - 1) / (d.K / d.groups);
            lanes[lane] = is_bias ? 1.0f : load(src, blocked(SB, n, group * channels + c, d.C, d.H, d.W, h, w));
        }
        const vec x = LOAD(lanes);
#else
        const vec x = (vec)(is_bias ? 1.0f : load(src, blocked(SB, n, c, d.C, d.H, d.W, h, w)));
#endif
        sum = fma(x, y, sum);
    }
#if WG > 1
    __local vec parts[WG];
    parts[item] = sum;
    for (int half_ = WG / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < half_) parts[item] += parts[item + half_];
    }
    if (item > 0) return;
    sum = parts[0];
#endif
    acc lanes[V];
    STORE(sum, lanes);
    for (int i = 0; i < V && k + i < d.K; i++) {
        if (is_bias)
            diff_bias[diff_bias_at + k + i] = lanes[i];
        else
            diff_weights[diff_weights_at + (size_t)(k + i) * weights + which] = lanes[i];
    }
}
