/* conv_tile.cl - direct convolution on a CPU: a work-item computes register tiles, without extensions.
 *
 * dst = act(conv(src, weights) + bias + residual), dst in blocks of B channels, src in blocks of SB, both multiples of V lanes;
 * residual may be dst. Or src plain, with -DPLAIN_SRC, which suits a first layer with few channels; it may be float32 beside data of
 * 16 bits, with -DWIDE_SRC. For gradients by src
 * (conv_phase.h) the pixels of dst may be every few ones only, and instead of a bias there may be a mask like dst.
 *
 * Work-items: (ceil(ceil(K/B)*B/V/KB), ceil(ceil(N*P*Q/M)/chunk)), groups of 1. An item computes `chunk` tiles, each M
 * consecutive pixels of the flattened (n,p,q) index times KB*V output channels, in M*KB vector accumulators. Neighbouring
 * items share their pixels, so their part of src stays cached.
 *
 * Tile parameters: V lanes of a vector, M pixels, KB vectors of channels. The accumulators, KB weights and
 * one broadcast have to fit the registers: AVX-512 V=16 M=6 KB=4, AVX2 V=8 M=6 KB=2.
 *
 * Packed weights: SB zeros (V with PLAIN_SRC), which pixels in the padding point at, then [K/(KB*V)][R][S][C rounded up to
 * 2][KB*V]; with PLAIN_SRC [K/(KB*V)][R][C][S][KB*V].
 * Memory per item, in elements: src R*S*C*M*chunk in whole blocks; weights R*S*C*KB*V, once per tile but in passes of
 * pass_taps * pass_c * KB*V, which should fit in a quarter of the L2 cache; dst M*chunk*KB*V, once per pass.
 *
 * 16-bit data: a tile's part of src is widened V channels at a time, the weights of a pass once for all tiles of an item, into
 * scratch, where also the sums stay between passes. scratch holds pass_taps * pass_c * KB vectors, and where there are several
 * passes M*chunk*KB more.
 */
#include "register_tile.cl"

#ifdef PLAIN_SRC
#define ZEROS 1 /* vectors before the packed weights */
#else
#define ZEROS (SB / V)
#endif

/* An element of src. */
#ifdef WIDE_SRC
typedef float pixel;
#else
typedef real pixel;
#endif
#if defined DATA && !defined WIDE_SRC
#define NARROW_SRC
#endif

static inline acc load_pixel(__global const pixel *p, long i)
{
#ifdef NARROW_SRC
    return load(p, i);
#else
    return p[i];
#endif
}

/* Where the receptive fields of a tile's pixels begin; those of pixels past the end lie far above the image. */
struct fields {
    __global const pixel *image[M];
    int h[M], w[M];
    int in_row; /* the pixels are neighbours in a row of dst */
};

#ifdef PLAIN_SRC

/* sums += all taps of row r of a plain src: they are neighbours in memory. Returns the weights that follow. */
static panel add_row(vec sums[M][KB], panel w, const struct fields *f, int r, const struct conv_dims *d)
{
    const long plane = (long)d->H * d->W;
    __global const pixel *x[M];
    int first[M], any = 0;

#pragma unroll
    for (int m = 0; m < M; m++) {
        const int h = f->h[m] + r * d->dilation_h, inside = (uint)h < (uint)d->H;
        first[m] = inside ? f->w[m] : INT_MIN / 2;
        x[m] = f->image[m] + (long)h * d->W + f->w[m];
        any |= inside;
    }
    if (!any) return w + d->C * d->S * (KB * V);
    for (int c = 0; c < d->C; c++) {
        for (int s = 0; s < d->S; s++, w += KB * V) {
            const int v = s * d->dilation_w;
            acc xs[M];
#pragma unroll
            for (int m = 0; m < M; m++) xs[m] = (uint)(first[m] + v) < (uint)d->W ? load_pixel(x[m], v) : 0.0f;
            multiply(sums, xs, w);
        }
#pragma unroll
        for (int m = 0; m < M; m++) x[m] += plane;
    }
    return w;
}

/* Of one channel of a row of src, what a tile's pixels need where all is inside. */
static inline int row_length(const struct conv_dims *d)
{
    return (M - 1) * d->stride_w + (d->S - 1) * d->dilation_w + 1;
}

#ifdef NARROW_SRC
enum { MOST_ROW = 64 }; /* elements that are widened at once */

static void widen_row(acc wide[MOST_ROW], __global const real *row, int length)
{
    int i = 0;
    for (; i + V <= length; i += V) STORE(load_vec(row + i), wide + i);
    for (; i < length; i++) wide[i] = load(row, i);
}
#endif

/* The same for rows r0 to r1 where pixels are neighbours in dst and their taps all inside src: one pointer is enough. */
static void add_inside(vec sums[M][KB], panel w, const struct fields *f, int r0, int r1, const struct conv_dims *d)
{
    for (int r = r0; r < r1; r++) {
        __global const pixel *row = f->image[0] + (long)(f->h[0] + r * d->dilation_h) * d->W + f->w[0];
        for (int c = 0; c < d->C; c++, row += (long)d->H * d->W) {
#ifdef NARROW_SRC
            acc x[MOST_ROW];
            widen_row(x, row, row_length(d));
#else
            __global const pixel *x = row;
#endif
            for (int s = 0; s < d->S; s++, w += KB * V) {
                acc xs[M];
#pragma unroll
                for (int m = 0; m < M; m++) xs[m] = x[s * d->dilation_w + m * d->stride_w];
                multiply(sums, xs, w);
            }
        }
    }
}

/* Whether add_inside() may take the rows. */
static int all_inside(const struct fields *f, int r0, int r1, const struct conv_dims *d)
{
#ifdef NARROW_SRC
    if (row_length(d) > MOST_ROW) return 0;
#endif
    return f->in_row && f->h[0] + r0 * d->dilation_h >= 0 && f->h[0] + (r1 - 1) * d->dilation_h < d->H &&
           f->w[0] >= 0 && f->w[0] + row_length(d) <= d->W;
}

#else

#ifndef DATA
/* The same as add_tap() for pixels that lie one behind another, the first at x: one pointer instead of M. A tap of few
 * products would take as long to make those as to use them. Its loop is that of add_tap(), but through a function that takes
 * M pointers the compiler keeps M again, and all is lost. */
static panel add_run(vec sums[M][KB], __global const real *x, panel w, __global const real *next, int step, int channels,
                     long plane)
{
    for (int left = channels; left > 0; left -= SB, x += plane) {
        const int lanes = min(left, SB);
        for (int c = 0; c < lanes; c += 2) {
#pragma unroll
            for (int u = 0; u < 2; u++, w += KB * V, next += step) {
                acc xc[M];
                PREFETCH(next);
#pragma unroll
                for (int m = 0; m < M; m++) xc[m] = load(x, m * SB + c + u);
                multiply(sums, xc, w);
            }
        }
    }
    return w;
}
#endif

/* sums += channels c0 to c1 of tap (r, s). Returns the weights that follow. On the way it fetches from `next`,
 * `step` elements a channel. */
static panel add_tap(vec sums[M][KB], __global const real *zeros, panel w, __global const real *next, int step,
                     const struct fields *f, int r, int s, int c0, int c1, const struct conv_dims *d)
{
    const long plane = (long)d->H * d->W * SB;
    __global const real *x[M];
    long advance[M];
    int any = 0;

#ifndef DATA
    const int h0 = f->h[0] + r * d->dilation_h, v0 = f->w[0] + s * d->dilation_w;
    if (KB <= 2 && f->in_row && d->stride_w == 1 && (uint)h0 < (uint)d->H && v0 >= 0 && v0 + M <= d->W)
        return add_run(sums, f->image[0] + c0 / SB * plane + ((long)h0 * d->W + v0) * SB, w, next, step, c1 - c0,
                       plane);
#endif
#pragma unroll
    for (int m = 0; m < M; m++) {
        const int h = f->h[m] + r * d->dilation_h, v = f->w[m] + s * d->dilation_w;
        const int inside = (uint)h < (uint)d->H && (uint)v < (uint)d->W;
        x[m] = inside ? f->image[m] + c0 / SB * plane + ((long)h * d->W + v) * SB : zeros;
        advance[m] = inside ? plane : 0;
        any |= inside;
    }
    if (!any) return w + (c1 - c0 + 1) / 2 * 2 * (KB * V);
    for (int left = c1 - c0; left > 0; left -= SB) {
        for (int part = 0; part < min(left, SB); part += V) {
            const int lanes = min(left - part, V);
#ifdef DATA
            vec wide[M];
#pragma unroll
            for (int m = 0; m < M; m++) wide[m] = load_aligned(x[m] + part);
#endif
            for (int c = 0; c < lanes; c += 2) {
#pragma unroll
                for (int u = 0; u < 2; u++, w += KB * V, next += step) {
                    acc xc[M];
                    PREFETCH(next);
#pragma unroll
#ifdef DATA
                    for (int m = 0; m < M; m++) xc[m] = ((const acc *)&wide[m])[c + u];
#else
                    for (int m = 0; m < M; m++) xc[m] = load(x[m], c + u);
#endif
                    multiply(sums, xc, w);
                }
            }
        }
#pragma unroll
        for (int m = 0; m < M; m++) x[m] += advance[m];
    }
    return w;
}

#endif

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_tile(__global const real *restrict src_, ulong src_at, __global const real *restrict weights, ulong weights_at,
          __global const param *restrict bias, ulong bias_at, __global const real *residual_, ulong residual_at,
          __global real *dst_, ulong dst_at, const struct conv_dims d, const struct conv_cut cut,
          const struct conv_place place, __local vec *scratch)
{
#ifdef PLAIN_SRC
    const long image_size = (long)d.C * d.H * d.W;
    const int tap_rows = d.C * d.S;
#else
    const long image_size = (long)CEIL_DIV(d.C, SB) * d.H * d.W * SB;
    const int tap_rows = (d.C + 1) / 2 * 2;
#endif
    __global const pixel *src = (__global const pixel *)src_ + src_at;
    __global const reals *residual = (__global const reals *)(residual_ + residual_at),
                         *mask = (__global const reals *)(bias + bias_at);
    __global reals *dst = (__global reals *)(dst_ + dst_at);
    const int group = get_global_id(0), k_blocks = CEIL_DIV(d.K, B), valid_j = min(KB, k_blocks * PARTS - group * KB);
    const int pixels = d.N * d.P * d.Q;
    const int begin = get_global_id(1) * cut.chunk * M, end = min(begin + cut.chunk * M, pixels);
    const int row = begin / d.Q, step = fetch_step(CEIL_DIV(end - begin, M));
    const long plane = (long)place.H * place.W;
    vec b[KB];

    weights += weights_at;
    bias += bias_at;
#pragma unroll
    for (int j = 0; j < KB; j++) b[j] = d.flags & WITH_BIAS ? load_params(bias, (group * KB + j) * V, d.K) : (vec)0.0f;
    const int slices = CEIL_DIV(d.C, cut.pass_c), passes = max(1, CEIL_DIV(cut.taps, cut.pass_taps) * slices);
    for (int pass = 0; pass < passes; pass++) {
        const int tap0 = pass / slices * cut.pass_taps, tap1 = min(tap0 + cut.pass_taps, cut.taps);
        const int c0 = pass % slices * cut.pass_c, c1 = min(c0 + cut.pass_c, d.C);
        const vec floor = d.flags & WITH_RELU && pass == passes - 1 ? (vec)0.0f : (vec)-INFINITY;
        const int mask_now = d.flags & WITH_MASK && pass == passes - 1;
        __global const real *packed = weights + ZEROS * V + (((size_t)group * cut.taps + tap0) * tap_rows + c0) * (KB * V);
#ifdef PLAIN_SRC
        const int rows = (tap1 - tap0) * tap_rows;
#else
        const int padded = (c1 - c0 + 1) / 2 * 2, rows = (tap1 - tap0) * padded;
#endif
        const panel first = open_panel(packed, rows, scratch + (passes > 1 ? cut.chunk * M * KB : 0));
        int q = begin - row * d.Q, n = row / d.P, p = row - n * d.P;

        for (int tile = begin; tile < end; tile += M) {
            const int valid_m = min(M, end - tile);
            struct fields f;
            long to[M]; /* pixel m in the first dst block */
            f.in_row = valid_m == M && q + M <= d.Q;
#pragma unroll
            for (int m = 0; m < M; m++) {
                f.h[m] = m < valid_m ? p * d.stride_h - d.pad_top : INT_MIN / 2;
                f.w[m] = q * d.stride_w - d.pad_left;
                f.image[m] = src + n * image_size;
                to[m] = (((long)n * k_blocks + group * KB / PARTS) * plane + pixel_at(&place, p, q)) * PARTS;
                if (++q == d.Q) {
                    q = 0;
                    if (++p == d.P) {
                        p = 0;
                        n++;
                    }
                }
            }

            vec sums[M][KB];
#pragma unroll
            for (int m = 0; m < M; m++)
#pragma unroll
                for (int j = 0; j < KB; j++) sums[m][j] = pass ? (vec)0.0f : b[j];
#ifdef DATA
            if (pass) take_up(sums, scratch + (tile - begin) * KB);
            if (!pass && d.flags & WITH_RESIDUAL) {
                __global const reals *addend = residual;
#else
            /* The residual is read before the first partial sum may overwrite it. */
            if (pass || d.flags & WITH_RESIDUAL) {
                __global const reals *addend = pass ? dst : residual;
#endif
#pragma unroll
                for (int m = 0; m < M; m++)
#pragma unroll
                    for (int j = 0; j < KB; j++)
                        if (m < valid_m && j < valid_j) sums[m][j] += load_reals(addend + (to[m] + apart(j, plane)));
            }

            panel w = first;
#ifdef PLAIN_SRC
            if (all_inside(&f, tap0, tap1, &d))
                add_inside(sums, w, &f, tap0, tap1, &d);
            else
                for (int r = tap0; r < tap1; r++) w = add_row(sums, w, &f, r, &d);
#else
            __global const real *next = packed + rows * (KB * V) + fetch_at(rows, (tile - begin) / M, step);
            int r = tap0 / d.S, s = tap0 % d.S;
            for (int tap = tap0; tap < tap1; tap++) {
                w = add_tap(sums, weights, w, next, step, &f, r, s, c0, c1, &d);
                next += padded * step;
                if (++s == d.S) {
                    s = 0;
                    r++;
                }
            }
#endif
#ifdef DATA
            if (pass < passes - 1) {
                keep(sums, scratch + (tile - begin) * KB);
                continue;
            }
#endif
#pragma unroll
            for (int m = 0; m < M; m++)
#pragma unroll
                for (int j = 0; j < KB; j++) {
                    if (m < valid_m && j < valid_j) {
                        vec y = at_least(sums[m][j], floor);
                        if (mask_now) y = masked(y, load_reals(mask + (to[m] + apart(j, plane))));
                        /* A NaN among the channels would reach the lanes past K, too. */
                        store_reals(clear_tail(y, (group * KB + j) * V, d.K), dst + (to[m] + apart(j, plane)));
                    }
                }
        }
    }
}

/* weights (K,C,R,S) -> packed, zero beyond K or C. Work-items: (KB, ceil(c_size / PACK_CHANNELS), groups of channels), groups
 * of 1; c_size: C rounded up to 2, or C with PLAIN_SRC. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_tile_pack(__global const param *restrict weights, ulong weights_at, __global real *restrict packed_,
               ulong packed_at, int K, int C, int R, int S, const struct conv_view view)
{
    __global reals *packed = (__global reals *)(packed_ + packed_at);
#ifdef PLAIN_SRC
    const int c_size = C;
#else
    const int c_size = (C + 1) / 2 * 2;
#endif
    const int j = get_global_id(0), c0 = get_global_id(1) * PACK_CHANNELS, c1 = min(c0 + PACK_CHANNELS, c_size);
    const size_t group = get_global_id(2);

    weights += weights_at;
    for (int i = 0; i < ZEROS && j + c0 + group == 0; i++) store_reals((vec)0.0f, packed + i);
    for (int c = c0; c < c1; c++) {
        for (int r = 0; r < R; r++) {
            for (int s = 0; s < S; s++) {
#ifdef PLAIN_SRC
                const size_t at = ((group * R + r) * c_size + c) * S + s;
#else
                const size_t at = ((group * R + r) * S + s) * c_size + c;
#endif
                store_reals(c < C ? load_weights(weights, &view, (group * KB + j) * V, K, c, r, s) : (vec)0.0f,
                            packed + (ZEROS + at * KB + j));
            }
        }
    }
}
