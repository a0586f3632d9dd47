/* product.cl - what stands around the matrix product of a convolution or linear layer: im2col before, the epilogue after.
 * Both do `count` images from number `first` on.
 *
 * product_im2col: src (N,C,H,W) in blocks of SB -> columns (count*P*Q, C*R*S), zero where the window is in the padding.
 *   Work-items: one per element of columns in the order of memory; groups of WG. Reads one element.
 * product_epilogue: product (count*P*Q, K) -> dst (N,K,P,Q) in blocks of B, with bias, residual and ReLU.
 *   Work-items: one per vector of V channels of the images' dst, in the order of its memory; groups of WG. */
#include "common.cl"
#include "conv.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void product_im2col(__global const real *src, ulong src_at,
                                                                             __global real *columns, ulong columns_at,
                                                                             const struct conv_dims d, int first,
                                                                             int count)
{
    const size_t i = get_global_id(0), inner = (size_t)d.C * d.R * d.S, pixel = i / inner;
    if (pixel >= (size_t)count * d.P * d.Q) return;
    const int element = i % inner, s = element % d.S, r = element / d.S % d.R, c = element / (d.R * d.S);
    const int q = pixel % d.Q, p = pixel / d.Q % d.P, n = pixel / d.Q / d.P;
    const int h = p * d.stride_h - d.pad_top + r * d.dilation_h, w = q * d.stride_w - d.pad_left + s * d.dilation_w;
    const bool inside = h >= 0 && h < d.H && w >= 0 && w < d.W;
    store(inside ? load(src, src_at + blocked(SB, first + n, c, d.C, d.H, d.W, h, w)) : 0.0f, columns, columns_at + i);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
product_epilogue(__global const real *product, ulong product_at, __global const param *bias, ulong bias_at,
                 __global const real *residual, ulong residual_at, __global real *dst, ulong dst_at,
                 const struct conv_dims d, int first, int count)
{
    const size_t i = get_global_id(0), image = (size_t)CEIL_DIV(d.K, B) * (B / V) * d.P * d.Q;
    if (i >= count * image) return;
    const struct place at = place_of(i, d.K, d.P, d.Q);
    const size_t to = (first * image + i) * V;
    vec sum = load_channels(product + product_at + (((size_t)at.n * d.P + at.h) * d.Q + at.w) * d.K, at.c, d.K);
    if (d.flags & WITH_BIAS) sum += load_params(bias + bias_at, at.c, d.K);
    if (d.flags & WITH_RESIDUAL) sum += load_vec(residual + residual_at + to);
    if (d.flags & WITH_RELU) sum = relu(sum);
    store_vec(clear_tail(sum, at.c, d.K), dst + dst_at + to);
}
