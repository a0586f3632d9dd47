/* conv_grad_weights.cl - the gradient of a convolution by its weights on a CPU, by register tiles:
 * diff_weights[k,c,r,s] = sum over n, p, q of diff_dst[n,k,p,q] * src[n,c,p*stride+r-pad,q*stride+s-pad].
 *
 * An accumulator tile is MC scalars of src times KB vectors of diff_dst, summed over pixels. diff_dst is in blocks of B
 * channels, src of SB, both multiples of V: then a tile is of MC channels and one tap. Or, with PLAIN_SRC, which suits a first layer, it is a
 * padded copy with the channels innermost (conv_grad_pad): then a tile is of MC of the S*C neighbours in one row of taps.
 *
 * Work-items of conv_grad_weights: (ceil(C/MC), or 1 with PLAIN_SRC; k groups = ceil(ceil(K/V)/KB); splits), groups of 1. An
 * item walks the rows (n,p) of its split in chunks whose part of src and diff_dst stays in the cache, and for each chunk all
 * taps.
 */
#include "conv_grad.cl"

/* An element of src; its padded copy is of floats. */
#ifdef PLAIN_SRC
typedef acc element;
#else
typedef real element;
#endif

/* sums (MC, KB) += sum over `count` pixels of MC scalars from x[lane] on, times y (KB vectors, apart[j] away). x is at a multiple of
 * a vector, but for PLAIN_SRC. */
static void add_pixels(vec sums[MC][KB], __global const element *x, int lane, int step, __global const reals *y,
                       const long apart[KB], int count)
{
    for (int i = 0; i < count; i++, x += step, y += B / V) {
        vec yv[KB];
#if defined(DATA) && !defined(PLAIN_SRC)
        const vec wide = load_aligned(x);
        const acc *scalars = (const acc *)&wide + lane;
#else
        __global const element *scalars = x + lane;
#endif
#pragma unroll
        for (int j = 0; j < KB; j++) yv[j] = load_reals(y + apart[j]);
#pragma unroll
        for (int m = 0; m < MC; m++)
#pragma unroll
            for (int j = 0; j < KB; j++) sums[m][j] = fma((vec)scalars[m], yv[j], sums[m][j]);
    }
}

/* sums += tap number `tap` of the rows from begin to end. */
static void add_rows(vec sums[MC][KB], __global const element *src, int lane, __global const reals *y, int group,
                     int tap, int begin, int end, const struct conv_dims *d, const struct grad_cut *cut)
{
    const int valid_j = min(KB, CEIL_DIV(d->K, V) - group * KB);
    const long plane = (long)d->P * d->Q;
    long apart[KB];
    int n = begin / d->P, p = begin - n * d->P;
#ifdef PLAIN_SRC
    const int parts = CEIL_DIV(d->S * d->C, MC), r = tap / parts, step = d->stride_w * d->C, first = 0, count = d->Q;
    const long image = (long)cut->pad_h * cut->pad_w * d->C, line = (long)cut->pad_w * d->C;
    src += tap % parts * MC;
#else
    const int r = tap / d->S, left = d->pad_left - tap % d->S * d->dilation_w, step = d->stride_w * SB;
    /* The pixels q whose column q * stride - left lies in src. */
    const int first = left > 0 ? CEIL_DIV(left, d->stride_w) : 0, room = d->W - 1 + left;
    const int count = room < 0 ? 0 : min(d->Q, room / d->stride_w + 1) - first;
    const long image = (long)CEIL_DIV(d->C, SB) * d->H * d->W * SB, line = (long)d->W * SB;
    src += (long)(first * d->stride_w - left) * SB;
#endif
    for (int j = 0; j < KB; j++) apart[j] = vector_at(B, 0, group * KB + min(j, valid_j - 1), d->K, plane);
    for (int row = begin; row < end; row++) {
        __global const reals *from = y + vector_at(B, n, 0, d->K, plane) + ((long)p * d->Q + first) * (B / V);
#ifdef PLAIN_SRC
        const int h = p * d->stride_h + r * d->dilation_h;
        add_pixels(sums, src + n * image + h * line, 0, step, from, apart, count);
#else
        const int h = p * d->stride_h + r * d->dilation_h - d->pad_top;
        if ((uint)h < (uint)d->H) add_pixels(sums, src + n * image + h * line, lane, step, from, apart, count);
#endif
        if (++p == d->P) {
            p = 0;
            n++;
        }
    }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_grad_weights(__global const real *restrict src, ulong src_at, __global const real *restrict diff_dst,
                  ulong diff_dst_at, __global acc *restrict partial_, ulong partial_at, const struct conv_dims d,
                  const struct grad_cut cut)
{
    const int part = get_global_id(0), group = get_global_id(1), split = get_global_id(2);
    const int begin = split * cut.rows, end = min(begin + cut.rows, d.N * d.P);
    const size_t item = ((size_t)split * get_global_size(1) + group) * get_global_size(0) + part;
    __global const reals *y = (__global const reals *)(diff_dst + diff_dst_at);
    __global vec *partial = (__global vec *)(partial_ + partial_at) + item * cut.taps * (MC * KB);

    __global const element *x = (__global const element *)(src + src_at);
    const int lane = part * MC % V;
#ifndef PLAIN_SRC
    x += (long)(part * MC / SB) * d.H * d.W * SB + part * MC % SB - lane;
#endif
    for (int row = begin; row < end; row += cut.chunk) {
        for (int tap = 0; tap < cut.taps; tap++) {
            __global vec *sum = partial + tap * (MC * KB);
            vec sums[MC][KB];
#pragma unroll
            for (int m = 0; m < MC; m++)
#pragma unroll
                for (int j = 0; j < KB; j++) sums[m][j] = row == begin ? (vec)0.0f : sum[m * KB + j];
            add_rows(sums, x, lane, y, group, tap, row, min(row + cut.chunk, end), &d, &cut);
#pragma unroll
            for (int m = 0; m < MC; m++)
#pragma unroll
                for (int j = 0; j < KB; j++) sum[m * KB + j] = sums[m][j];
        }
    }
}

/* src, plain -> padded, N images of pad_h * pad_w pixels of C neighbouring channels; what follows the last one, so that tiles
 * may read beyond a row, need not be set. Work-items: one per pixel of padded. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_grad_pad(__global const real *restrict src, ulong src_at, __global acc *restrict padded, ulong padded_at,
              const struct conv_dims d, const struct grad_cut cut)
{
    const size_t i = get_global_id(0);
    if (i >= (size_t)d.N * cut.pad_h * cut.pad_w) return;
    const int w = (int)(i % cut.pad_w) - d.pad_left, h = (int)(i / cut.pad_w % cut.pad_h) - d.pad_top;
    const size_t n = i / cut.pad_w / cut.pad_h;
    const int inside = (uint)h < (uint)d.H && (uint)w < (uint)d.W;

    for (int c = 0; c < d.C; c++)
        padded[padded_at + i * d.C + c] = inside ? load(src, src_at + ((n * d.C + c) * d.H + h) * d.W + w) : 0.0f;
}
