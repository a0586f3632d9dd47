/* conv_winograd.cl - 3x3 stride-1 convolution on a CPU by Winograd's F(FxF,3x3), F = 2 or 4, as 36 (or 16) matrix products.
 *
 * dst = act(conv(src, weights) + bias + residual), src in blocks of SB and dst of B channels; residual may be dst. In gradients
 * by src (conv_phase.h) instead of a bias there may be a mask like dst. An F x F patch of dst is a tile; tiles are numbered
 * through (n, ceil(P/F), ceil(Q/F)).
 *
 * With E = F + 2, for a strip of tiles, T of them after rounding up to M, all as computed (acc):
 *   v, transformed src       E*E times [ceil(C/V)][T][V] and V of padding
 *   u, transformed weights   [ceil(K/(KB*V))][E*E][C rounded up to 2][KB*V]
 *   m, their products        E*E times [vectors][T][V] and V of padding; vectors: of all K rounded up to KB, or KB
 *                            where fused
 * The padding keeps the E*E streams of a transform from falling into the same set of the first-level cache.
 *
 * Three ways to run it, built as programs of their own:
 *   staged: winograd_src, winograd_multiply, winograd_dst, with v and m in global memory. Each u is read once per strip:
 *     the choice for many channels.
 *   -DSLICED: the same for data of 16 bits, whose weights stay so, and are transformed where they are used (winograd_slices):
 *     u is four times as large as they are, in twice the bytes, and rounded to 16 bits too inexact.
 *   -DFUSED: winograd_fused, an item takes `chunk` tiles and `slice` groups of channels through all three stages with v and
 *     m in local memory, which on a CPU is a buffer of the thread that stays in its cache. u is read once per item: the
 *     choice where u fits the cache. Local floats: see winograd_fused.
 * Work-groups are of 1.
 *
 * Tile parameters: V lanes of a vector, which divide B and SB, M tiles, KB vectors of channels, as in conv_tile.cl; F.
 */
#include "cpu.cl"
#include "conv.cl"
#ifdef FUSED
#define SCRATCH __local
#else
#define SCRATCH __global
#endif
#ifdef SLICED
#define U_MEM __local
#else
#define U_MEM __global
#endif
#include "winograd.cl"
#include "winograd_lines.cl"

/* How the work is cut; the same fields as winograd_cut in backends/opencl/conv_winograd.c. */
struct winograd_cut {
    int first, count; /* tiles of the strip; fused: 0 and all */
    int chunk;        /* tiles per item, a multiple of M */
    int slice;        /* fused: groups of KB*V channels per item; sliced: channels of src whose weights are transformed at once */
};

/* m (M tiles, KB blocks) = v * u in one of the E*E products, or with `more` it is added. On the way it fetches from `next`,
 * `step` of them a channel. */
static void multiply(SCRATCH const acc *v, U_MEM const acc *u, SCRATCH vec *m, int T, int C, int more, U_MEM const acc *next,
                     int step)
{
    vec sums[M][KB];
#pragma unroll
    for (int i = 0; i < M; i++)
#pragma unroll
        for (int j = 0; j < KB; j++) sums[i][j] = more ? m[(long)j * T + i] : (vec)0.0f;
    for (int left = C; left > 0; left -= V, v += (long)T * V) {
        const int lanes = min(left, V);
        for (int c = 0; c < lanes; c += 2) {
#pragma unroll
            for (int l = 0; l < 2; l++, u += KB * V, next += step) {
                vec uv[KB];
                PREFETCH(next);
#pragma unroll
                for (int j = 0; j < KB; j++) uv[j] = ((U_MEM const vec *)u)[j];
#pragma unroll
                for (int i = 0; i < M; i++)
#pragma unroll
                    for (int j = 0; j < KB; j++) sums[i][j] = fma((vec)v[i * V + c + l], uv[j], sums[i][j]);
            }
        }
    }
#pragma unroll
    for (int i = 0; i < M; i++)
#pragma unroll
        for (int j = 0; j < KB; j++) m[(long)j * T + i] = sums[i][j];
}

/* Vectors of dst's channels, with all lanes of the last block. */
static inline int dst_vectors(const struct conv_dims *d)
{
    return CEIL_DIV(d->K, B) * (B / V);
}

/* m of a vector's tiles, first to first + count -> vector kb of dst. */
static void transform_dst(SCRATCH const vec *m, long stride, __global const param *bias, __global const reals *mask,
                          __global const reals *residual, __global reals *dst, int kb, int first, int count,
                          const struct conv_dims *d)
{
    const vec b = d->flags & WITH_BIAS ? load_params(bias, kb * V, d->K) : (vec)0.0f;
    const vec floor = d->flags & WITH_RELU ? (vec)0.0f : (vec)-INFINITY;
    struct tile tile = locate_tile(first, d);

    for (int t = 0; t < count; t++, next_tile(&tile, d)) {
        const long at = vector_at(B, tile.n, kb, d->K, (long)d->P * d->Q) + ((long)tile.p * d->Q + tile.q) * (B / V);
        const int rows = min(F, d->P - tile.p), columns = min(F, d->Q - tile.q);
        vec part[F][E];

        for (int j = 0; j < E; j++) {
            vec column[E], out[F];
#pragma unroll
            for (int i = 0; i < E; i++) column[i] = m[(i * E + j) * stride + t];
            dst_line(out, column);
#pragma unroll
            for (int i = 0; i < F; i++) part[i][j] = out[i];
        }
        for (int i = 0; i < rows; i++) {
            vec out[F];
            dst_line(out, part[i]);
#pragma unroll
            for (int j = 0; j < F; j++) {
                if (j < columns) {
                    const long here = at + (i * d->Q + j) * (B / V);
                    vec y = out[j] + b;
                    if (d->flags & WITH_RESIDUAL) y += load_reals(residual + here);
                    y = at_least(y, floor);
                    if (d->flags & WITH_MASK) y = masked(y, load_reals(mask + here));
                    store_reals(clear_tail(y, kb * V, d->K), dst + here);
                }
            }
        }
    }
}

/* u = G g transpose(G): its E*E numbers go to `to`, `stride` apart. */
static void transform_weights(const vec g[9], U_MEM vec *to, long stride)
{
    vec part[E][3];
#pragma unroll
    for (int s = 0; s < 3; s++) {
        const vec column[3] = {g[s], g[3 + s], g[6 + s]};
        vec out[E];
        weights_line(out, column);
#pragma unroll
        for (int i = 0; i < E; i++) part[i][s] = out[i];
    }
#pragma unroll
    for (int i = 0; i < E; i++) {
        vec out[E];
        weights_line(out, part[i]);
#pragma unroll
        for (int e = 0; e < E; e++, to += stride) *to = out[e];
    }
}

/* Floats of one product's weights for one group of channels. */
static long u_size(int C)
{
    return (C + 1) / 2 * 2 * (KB * V);
}

#ifdef FUSED
/* Work-items: (ceil(groups/slice), ceil(count/chunk), 1) with groups = ceil(vectors of dst/KB).
 * scratch: E*E * ((ceil(C/V) + KB)*chunk + 2) * V floats. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
winograd_fused(__global const real *src_, ulong src_at, __global const acc *restrict u, ulong u_at,
               __global const param *restrict bias, ulong bias_at, __global const real *residual_, ulong residual_at,
               __global real *dst_, ulong dst_at, __local vec *scratch, const struct conv_dims d,
               const struct winograd_cut cut)
{
    __global const reals *src = (__global const reals *)(src_ + src_at),
                         *residual = (__global const reals *)(residual_ + residual_at),
                         *mask = (__global const reals *)(bias + bias_at);
    __global reals *dst = (__global reals *)(dst_ + dst_at);
    u += u_at;
    const int first = get_global_id(1) * cut.chunk, count = min(cut.chunk, cut.count - first);
    const int T = CEIL_DIV(count, M) * M, c_blocks = CEIL_DIV(d.C, V), k_blocks = dst_vectors(&d);
    const int group0 = get_global_id(0) * cut.slice, group1 = min(group0 + cut.slice, CEIL_DIV(k_blocks, KB));
    const long v_stride = (long)c_blocks * T + 1, m_stride = (long)KB * T + 1, size = u_size(d.C);
    const int c_size = (d.C + 1) / 2 * 2, step = fetch_step(T / M);
    __local vec *v = scratch, *m = scratch + E * E * v_stride;

    for (int cb = 0; cb < c_blocks; cb++) transform_src(src, v + cb * T, v_stride, cb, first, T, &d);
    for (int group = group0; group < group1; group++) {
        for (int e = 0; e < E * E; e++) {
            __global const acc *panel = u + (group * E * E + e) * size;
            for (int t = 0; t < T; t += M)
                multiply((__local const acc *)(v + e * v_stride + t), panel, m + e * m_stride + t, T, d.C, 0,
                         panel + size + fetch_at(c_size, t / M, step), step);
        }
        for (int kb = group * KB; kb < min((group + 1) * KB, k_blocks); kb++)
            transform_dst(m + (kb - group * KB) * T, m_stride, bias + bias_at, mask, residual, dst, kb, first, count,
                          &d);
    }
}
#else
/* Work-items: (ceil(T/chunk), ceil(C/V), 1) with T = count rounded up to M. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void winograd_src(__global const real *restrict src_,
                                                                          ulong src_at, __global acc *restrict v_,
                                                                          ulong v_at, const struct conv_dims d,
                                                                          const struct winograd_cut cut)
{
    __global const reals *src = (__global const reals *)(src_ + src_at);
    __global vec *v = (__global vec *)(v_ + v_at);
    const int T = CEIL_DIV(cut.count, M) * M, begin = get_global_id(0) * cut.chunk, cb = get_global_id(1);

    transform_src(src, v + (long)cb * T + begin, (long)CEIL_DIV(d.C, V) * T + 1, cb, cut.first + begin,
                  min(cut.chunk, T - begin), &d);
}

#ifdef SLICED
#include "winograd_slices.cl"
#else
/* Work-items: (ceil(T/chunk), groups, E*E): an item multiplies `chunk` tiles by one group of one product. Neighbours share
 * the weights; then come the other groups of the same product, whose src is in the cache still. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
winograd_multiply(__global const acc *restrict v_, ulong v_at, __global const acc *restrict u, ulong u_at,
                  __global acc *restrict m_, ulong m_at, const struct conv_dims d, const struct winograd_cut cut)
{
    __global const vec *v = (__global const vec *)(v_ + v_at);
    __global vec *m = (__global vec *)(m_ + m_at);
    const int T = CEIL_DIV(cut.count, M) * M, group = get_global_id(1), e = get_global_id(2);
    const int begin = get_global_id(0) * cut.chunk, end = min(begin + cut.chunk, T);
    const int groups = CEIL_DIV(dst_vectors(&d), KB), c_size = (d.C + 1) / 2 * 2, step = fetch_step(T / M);
    const long size = u_size(d.C);
    __global const acc *panel = u + u_at + (group * E * E + e) * size,
                       *following = group + 1 < groups ? panel + E * E * size : u + u_at + (e + 1) * size;

    v += e * ((long)CEIL_DIV(d.C, V) * T + 1);
    m += e * ((long)groups * KB * T + 1) + (long)group * KB * T;
    for (int t = begin; t < end; t += M)
        multiply((__global const acc *)(v + t), panel, m + t, T, d.C, 0, following + fetch_at(c_size, t / M, step), step);
}
#endif

/* Work-items: (ceil(count/chunk), vectors of dst, 1). */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
winograd_dst(__global const acc *restrict m_, ulong m_at, __global const param *restrict bias, ulong bias_at,
             __global const real *residual_, ulong residual_at, __global real *dst_, ulong dst_at,
             const struct conv_dims d, const struct winograd_cut cut)
{
    __global const vec *m = (__global const vec *)(m_ + m_at);
    __global const reals *residual = (__global const reals *)(residual_ + residual_at),
                         *mask = (__global const reals *)(bias + bias_at);
    __global reals *dst = (__global reals *)(dst_ + dst_at);
    const int T = CEIL_DIV(cut.count, M) * M, begin = get_global_id(0) * cut.chunk, kb = get_global_id(1);

    transform_dst(m + (long)kb * T + begin, (long)CEIL_DIV(dst_vectors(&d), KB) * KB * T + 1, bias + bias_at, mask, residual,
                  dst, kb, cut.first + begin, min(cut.chunk, cut.count - begin), &d);
}
#endif

#ifndef SLICED
/* weights (K,C,3,3) -> u = G g transpose(G). Work-items: (KB, ceil(c_size / PACK_CHANNELS), groups) with c_size = C rounded up
 * to 2, groups of 1. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void winograd_weights(__global const param *restrict weights,
                                                                              ulong weights_at,
                                                                              __global acc *restrict u_, ulong u_at,
                                                                              int K, int C, const struct conv_view view)
{
    __global vec *u = (__global vec *)(u_ + u_at);
    const int j = get_global_id(0), group = get_global_id(2), c_size = (C + 1) / 2 * 2;
    const int c0 = get_global_id(1) * PACK_CHANNELS, c1 = min(c0 + PACK_CHANNELS, c_size);

    weights += weights_at;
    for (int c = c0; c < c1; c++) {
        vec g[9];
        for (int i = 0; i < 9; i++)
            g[i] = c < C ? load_weights(weights, &view, (group * KB + j) * V, K, c, i / 3, i % 3) : (vec)0.0f;
        transform_weights(g, u + ((size_t)group * E * E * c_size + c) * KB + j, (long)c_size * KB);
    }
}
#endif
