/* conv_grad_winograd.cl - the gradient by its weights of a 3x3 stride-1 convolution on a CPU, by Winograd's F(4x4,3x3).
 *
 * A 4x4 tile of dst is transpose(A) [u * v] A with v = transpose(B) d B of src and u = G g transpose(G) of the weights, so
 * the gradient by u is the sum over tiles of v * m with m = A diff_dst transpose(A), and diff_weights is transpose(G) [sum] G:
 * 36 products of matrices (C, tiles) and (tiles, K), a quarter of the multiplications of the direct sum.
 *
 * Work-items of conv_grad_winograd: (ceil(C/MC), ceil(ceil(K/V)/KB), splits), groups of 1. An item walks the tiles of its
 * split in chunks, transforms its channels of src and diff_dst, and adds up the products of registers' size, RM scalars of
 * v times KB vectors of m. All three are in local memory, which on a CPU is a buffer of the thread that stays in its
 * second-level cache; floats, T = chunk:
 *   v  E*E times [MC/V][T][V] and V of padding    m  E*E times [KB][T][V] and V of padding    u  E*E times [MC][KB*V]
 * The padding keeps the E*E streams of a transform from falling into the same set of the first-level cache.
 *
 * Build options: B and SB, blocks of diff_dst and src; V lanes, which divide both; MC a multiple of V; KB; RM a divisor of V; F = 4.
 */
#include "conv_grad.cl"
#define SCRATCH __local
#include "winograd.cl"
#define CB (MC / V)

/* x (E) = A y */
static void diff_line(vec x[E], const vec y[F])
{
    const vec a = y[0] + y[2], b = y[1] + y[3], c = y[0] + 4.0f * y[2], e = 2.0f * y[1] + 8.0f * y[3];
    x[0] = y[0];
    x[1] = a + b;
    x[2] = a - b;
    x[3] = c + e;
    x[4] = c - e;
    x[5] = y[3];
}

/* g (3) = transpose(G) x */
static void weights_line(vec g[3], const vec x[E])
{
    const vec a = (x[1] + x[2]) * (1 / 6.0f), b = (x[2] - x[1]) * (1 / 6.0f);
    const vec c = (x[3] + x[4]) * (1 / 24.0f), e = (x[3] - x[4]) * (1 / 12.0f);
    g[0] = 0.25f * x[0] - a + c;
    g[1] = b + e;
    g[2] = 4.0f * c - a + x[5];
}

/* Vector kb of diff_dst -> m (a vector's tiles), for tiles first to first + count. */
static void transform_diff(__global const reals *diff_dst, __local vec *m, long stride, int kb, int first, int count,
                           const struct conv_dims *d)
{
    struct tile tile = locate_tile(first, d);

    for (int t = 0; t < count; t++, next_tile(&tile, d)) {
        __global const reals *y = diff_dst + vector_at(B, tile.n, kb, d->K, (long)d->P * d->Q) +
                                  ((long)tile.p * d->Q + tile.q) * (B / V);
        const int rows = min(F, d->P - tile.p), columns = min(F, d->Q - tile.q);
        __local vec *to = m + t;
        vec part[E][F];

        for (int j = 0; j < F; j++) {
            vec column[F], out[E];
#pragma unroll
            for (int i = 0; i < F; i++)
                column[i] = i < rows && j < columns ? load_reals(y + (i * d->Q + j) * (B / V)) : (vec)0.0f;
            diff_line(out, column);
#pragma unroll
            for (int i = 0; i < E; i++) part[i][j] = out[i];
        }
        for (int i = 0; i < E; i++) {
            vec out[E];
            diff_line(out, part[i]);
#pragma unroll
            for (int j = 0; j < E; j++, to += stride) *to = out[j];
        }
    }
}

/* u (RM rows of KB vectors) += sum over tiles of v (RM scalars, V apart) times m (KB vectors, T apart). */
static void multiply(__local vec *u, __local const acc *v, __local const vec *m, int T, int count)
{
    vec sums[RM][KB];
#pragma unroll
    for (int i = 0; i < RM; i++)
#pragma unroll
        for (int j = 0; j < KB; j++) sums[i][j] = u[i * KB + j];
    for (int t = 0; t < count; t++, v += V, m++) {
        vec mv[KB];
#pragma unroll
        for (int j = 0; j < KB; j++) mv[j] = m[j * T];
#pragma unroll
        for (int i = 0; i < RM; i++)
#pragma unroll
            for (int j = 0; j < KB; j++) sums[i][j] = fma((vec)v[i], mv[j], sums[i][j]);
    }
#pragma unroll
    for (int i = 0; i < RM; i++)
#pragma unroll
        for (int j = 0; j < KB; j++) u[i * KB + j] = sums[i][j];
}

/* u -> partial [9][MC][KB] */
static void transform_weights(__local const vec *u, __global vec *partial)
{
    for (int at = 0; at < MC * KB; at++) {
        vec part[3][E];
        for (int j = 0; j < E; j++) {
            vec column[E], out[3];
#pragma unroll
            for (int i = 0; i < E; i++) column[i] = u[(i * E + j) * (MC * KB) + at];
            weights_line(out, column);
#pragma unroll
            for (int i = 0; i < 3; i++) part[i][j] = out[i];
        }
        for (int i = 0; i < 3; i++) {
            vec out[3];
            weights_line(out, part[i]);
#pragma unroll
            for (int j = 0; j < 3; j++) partial[(i * 3 + j) * (MC * KB) + at] = out[j];
        }
    }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_grad_winograd(__global const real *restrict src_, ulong src_at, __global const real *restrict diff_dst_,
                   ulong diff_dst_at, __global acc *restrict partial_, ulong partial_at, const struct conv_dims d,
                   const struct grad_cut cut, __local vec *scratch)
{
    __global const reals *src = (__global const reals *)(src_ + src_at),
                         *diff_dst = (__global const reals *)(diff_dst_ + diff_dst_at);
    const int part = get_global_id(0), group = get_global_id(1), split = get_global_id(2), T = cut.chunk;
    const int tiles = d.N * CEIL_DIV(d.P, F) * CEIL_DIV(d.Q, F);
    const int begin = split * cut.rows, end = min(begin + cut.rows, tiles);
    const int c_blocks = min(CB, CEIL_DIV(d.C, V) - part * CB), k_blocks = min(KB, CEIL_DIV(d.K, V) - group * KB);
    const size_t item = ((size_t)split * get_global_size(1) + group) * get_global_size(0) + part;
    const long v_stride = CB * T + 1, m_stride = KB * T + 1;
    __local vec *v = scratch, *m = v + E * E * v_stride, *u = m + E * E * m_stride;

    for (int i = 0; i < E * E * MC * KB; i++) u[i] = (vec)0.0f;
    for (int first = begin; first < end; first += T) {
        const int count = min(T, end - first);
        for (int cb = 0; cb < c_blocks; cb++)
            transform_src(src, v + cb * T, v_stride, part * CB + cb, first, count, &d);
        /* Vectors past K repeat the last one; their sums are not used. */
        for (int kb = 0; kb < KB; kb++)
            transform_diff(diff_dst, m + kb * T, m_stride, group * KB + min(kb, k_blocks - 1), first, count, &d);
        for (int e = 0; e < E * E; e++)
            for (int c = 0; c < c_blocks * V; c += RM)
                multiply(u + (e * MC + c) * KB, (__local const acc *)(v + e * v_stride + c / V * T) + c % V,
                         m + e * m_stride, T, count);
    }
    transform_weights(u, (__global vec *)(partial_ + partial_at) + item * cut.taps * (MC * KB));
}
