/* conv_group_winograd.cl - 3x3 stride-1 convolution on a GPU by Winograd's F(FxF,3x3), F = 2 or 4: the transforms around 36 (or 16)
 * products of matrices, which conv_group.cl computes as one 1x1 convolution of as many images, each with weights of its own.
 *
 * dst = act(conv(src, weights) + bias + residual), src and dst in blocks of B channels; residual may be dst. In gradients by src
 * (conv_phase.h) instead of a bias there may be a mask like dst. An F x F patch of dst is a tile; tiles are numbered through
 * (n, ceil(P/F), ceil(Q/F)), and T is their number rounded up to what a group of conv_group.cl computes. With E = F + 2, as computed:
 *   v, transformed src       [E*E][ceil(C/B)][T][B]
 *   u, transformed weights   [E*E][ceil(K/width)][rows][width]; rows: C rounded up to a step, width: channels of a tile
 *   m, the products          [E*E][ceil(K/B)][T][B]
 *
 * An item transforms one channel of one tile; V = 1. B neighbouring items read and write the channels of a block, and their
 * neighbours the next tile, so that memory is read in pieces of B * F and written in whole rows. */
#include "common.cl"
#include "conv.cl"
#include "packing.cl"
#include "winograd_tiles.cl"
#include "winograd_lines.cl"

/* v from src. T tiles: those past the last become zero. Work-items: ceil(C/B) * T * B; groups of WG. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void group_winograd_src(__global const real *restrict src,
                                                                                ulong src_at, __global acc *restrict v,
                                                                                ulong v_at, const struct conv_dims d,
                                                                                int T)
{
    const size_t item = get_global_id(0), size = (size_t)CEIL_DIV(d.C, B) * T * B;
    if (item >= size) return;
    const int lane = item % B, block = item / B / T, blocks = CEIL_DIV(d.C, B);
    const struct tile tile = locate_tile(item / B % T, &d);
    const int h0 = tile.p - d.pad_top, w0 = tile.q - d.pad_left;
    vec part[E][E];

    src += src_at + ((size_t)tile.n * blocks + block) * d.H * d.W * B + lane;
    v += v_at + item;
#pragma unroll
    for (int j = 0; j < E; j++) {
        const bool inside = tile.n < d.N && (uint)(w0 + j) < (uint)d.W;
        vec column[E], out[E];
#pragma unroll
        for (int i = 0; i < E; i++)
            column[i] = inside && (uint)(h0 + i) < (uint)d.H ? load(src, ((h0 + i) * d.W + w0 + j) * B) : 0.0f;
        src_line(out, column);
#pragma unroll
        for (int i = 0; i < E; i++) part[i][j] = out[i];
    }
#pragma unroll
    for (int i = 0; i < E; i++) {
        vec out[E];
        src_line(out, part[i]);
#pragma unroll
        for (int j = 0; j < E; j++) v[(i * E + j) * size] = out[j];
    }
}

/* dst from m. Work-items: ceil(K/B) * tiles * B, of all tiles that there are; groups of WG. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
group_winograd_dst(__global const acc *restrict m, ulong m_at, __global const param *restrict bias, ulong bias_at,
                   __global const real *residual, ulong residual_at, __global real *dst, ulong dst_at,
                   const struct conv_dims d, int T, int tiles)
{
    const size_t item = get_global_id(0), size = (size_t)CEIL_DIV(d.K, B) * T * B;
    const int lane = item % B, t = item / B % tiles, block = item / B / tiles, k = block * B + lane;
    if (block >= CEIL_DIV(d.K, B)) return;
    const struct tile tile = locate_tile(t, &d);
    __global const real *mask = (__global const real *)(bias + bias_at);
    const size_t first =
        ((((size_t)tile.n * CEIL_DIV(d.K, B) + block) * d.P + tile.p) * d.Q + tile.q) * B + lane;
    const vec b = d.flags & WITH_BIAS && k < d.K ? bias[bias_at + k] : 0.0f;
    vec part[F][E];

    m += m_at + ((size_t)block * T + t) * B + lane;
    residual += residual_at;
    dst += dst_at;
#pragma unroll
    for (int j = 0; j < E; j++) {
        vec column[E], out[F];
#pragma unroll
        for (int i = 0; i < E; i++) column[i] = m[(i * E + j) * size];
        dst_line(out, column);
#pragma unroll
        for (int i = 0; i < F; i++) part[i][j] = out[i];
    }
#pragma unroll
    for (int i = 0; i < F; i++) {
        vec out[F];
        dst_line(out, part[i]);
#pragma unroll
        for (int j = 0; j < F; j++) {
            const size_t at = first + (size_t)(i * d.Q + j) * B;
            vec y = out[j] + b;
            if (tile.p + i >= d.P || tile.q + j >= d.Q) continue;
            if (d.flags & WITH_RESIDUAL) y += load(residual, at);
            if (d.flags & WITH_RELU) y = relu(y);
            if (d.flags & WITH_MASK) y = masked(y, load(mask, at));
            store(k < d.K ? y : 0.0f, dst, at);
        }
    }
}

/* Element `item` of each product's u from the weights, as the view finds them; zero beyond K or C. */
static inline void transform_weights(__global const param *weights, __global acc *u, size_t item,
                                     const struct conv_dims *d, const struct conv_view *view, int rows, int width)
{
    const size_t size = (size_t)CEIL_DIV(d->K, width) * rows * width;
    const int k = item / width / rows * width + item % width, c = item / width % rows;
    vec part[E][3];

    weights += view->first + k * view->step_k + c * view->step_c;
    u += item;
#pragma unroll
    for (int s = 0; s < 3; s++) {
        vec column[3], out[E];
#pragma unroll
        for (int r = 0; r < 3; r++)
            column[r] = k < d->K && c < d->C ? weights[r * view->step_r + s * view->step_s] : 0.0f;
        weights_line(out, column);
#pragma unroll
        for (int i = 0; i < E; i++) part[i][s] = out[i];
    }
#pragma unroll
    for (int i = 0; i < E; i++) {
        vec out[E];
        weights_line(out, part[i]);
#pragma unroll
        for (int j = 0; j < E; j++) u[(i * E + j) * size] = out[j];
    }
}

/* Of one convolution. Work-items: one per element of a product's; groups of WG. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
group_winograd_weights(__global const param *restrict weights, ulong weights_at, __global acc *restrict u, ulong u_at,
                       const struct conv_dims d, const struct conv_view view, int rows, int width)
{
    const size_t item = get_global_id(0);
    if (item >= (size_t)CEIL_DIV(d.K, width) * rows * width) return;
    transform_weights(weights + weights_at, u + u_at, item, &d, &view, rows, width);
}

/* Of many, as conv_packs.cl. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
group_winograd_packs(__global const param *restrict weights, ulong weights_at, __global acc *restrict u, ulong u_at,
                     __global const struct packing *list, ulong list_at, int count)
{
    const struct packing p = find_packing(list + list_at, count);
    const size_t item = entry_item(p.first);
    if (item >= p.count) return;
    transform_weights(weights + weights_at + p.src, u + u_at + p.dst, item, &p.dims, &p.view, p.rows, p.width);
}
