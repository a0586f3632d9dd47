/* conv_sum.cl - dst of a convolution whose sums were split: the parts, each like dst in float32, are added up in their order.
 *
 * dst = act(sum + bias + residual), of a gradient mask(sum + residual), in blocks of B channels; residual may be dst.
 * Work-items: one per vector of V channels of dst (N,K,H,W), in the order of its memory; groups of WG. */
#include "common.cl"
#include "conv.cl"
#include "conv_finish.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_sum(__global const param *restrict bias, ulong bias_at, __global const real *residual, ulong residual_at,
         __global real *dst, ulong dst_at, __global const acc *partial, ulong partial_at, const struct conv_dims d,
         const struct conv_place place, int splits)
{
    const size_t elements = dst_elements(&d, &place), i = get_global_id(0) * V;
    if (i >= elements) return;
    const int k = i / B / (place.H * place.W) % CEIL_DIV(d.K, B) * B + i % B;
    vec sum = LOAD(partial + partial_at + i) + load_biases(bias + bias_at, k, &d);
    for (int split = 1; split < splits; split++) sum += LOAD(partial + partial_at + split * elements + i);
    store_aligned(finish(sum, residual + residual_at, (__global const real *)(bias + bias_at), k, i, &d), dst + dst_at + i);
}
