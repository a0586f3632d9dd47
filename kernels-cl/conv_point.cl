/* conv_point.cl - the convolution of conv_tile.cl where the window is one pixel and src and dst have the same ones: a product
 * of matrices, whose tiles are M pixels in a row. One pointer stands for all of them, so that a tile begins and ends in a
 * quarter of the time: some 130 cycles instead of 500, besides 12 for each channel.
 *
 * C is a multiple of SB, K one of KB*V; an image has at least M pixels, and none is in the padding.
 * Work-items: (K/(KB*V), ceil(N*ceil(P*Q/M)/chunk)), groups of 1. An item computes `chunk` tiles, none of them in two images.
 * Where M does not divide P*Q, an image's last tile overlaps the one before: what they share is computed twice, stored once.
 *
 * Arguments, packed weights, build options and memory per item as in conv_tile.cl; place is the identity and not read.
 */
#include "register_tile.cl"

/* sums += addend, for pixels from `skip` on. */
static void add_pixels(vec sums[M][KB], __global const reals *addend, long plane, int skip)
{
#pragma unroll
    for (int m = 0; m < M; m++)
        if (m >= skip)
#pragma unroll
            for (int j = 0; j < KB; j++) sums[m][j] += load_reals(addend + (m * PARTS + apart(j, plane)));
}

/* sums becomes 0 where mask is not above it. */
static void mask_pixels(vec sums[M][KB], __global const reals *mask, long plane)
{
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int j = 0; j < KB; j++) sums[m][j] = masked(sums[m][j], load_reals(mask + (m * PARTS + apart(j, plane))));
}

/* dst = sums, for pixels from `skip` on. */
static void store_pixels(vec sums[M][KB], __global reals *dst, vec floor, long plane, int skip)
{
#pragma unroll
    for (int m = 0; m < M; m++)
        if (m >= skip)
#pragma unroll
            for (int j = 0; j < KB; j++) store_reals(at_least(sums[m][j], floor), dst + (m * PARTS + apart(j, plane)));
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_point(__global const real *restrict src, ulong src_at, __global const real *restrict weights, ulong weights_at,
           __global const param *restrict bias, ulong bias_at, __global const real *residual, ulong residual_at,
           __global real *dst, ulong dst_at, const struct conv_dims d, const struct conv_cut cut,
           const struct conv_place place, __local vec *scratch)
{
    const int group = get_global_id(0), per_image = CEIL_DIV(d.P * d.Q, M);
    const int begin = get_global_id(1) * cut.chunk, end = min(begin + cut.chunk, d.N * per_image);
    const long plane = (long)d.P * d.Q;
    const int passes = CEIL_DIV(d.C, cut.pass_c), step = fetch_step(end - begin);
    vec b[KB];
#pragma unroll
    for (int j = 0; j < KB; j++) b[j] = d.flags & WITH_BIAS ? LOAD(bias + bias_at + (group * KB + j) * V) : (vec)0.0f;
    for (int pass = 0; pass < passes; pass++) {
        const int c0 = pass * cut.pass_c, c1 = min(c0 + cut.pass_c, d.C), last = pass == passes - 1;
        const vec floor = last && d.flags & WITH_RELU ? (vec)0.0f : (vec)-INFINITY;
        __global const real *const packed = weights + weights_at + SB + ((long)group * d.C + c0) * (KB * V);
        const panel opened = open_panel(packed, c1 - c0, scratch + (passes > 1 ? cut.chunk * M * KB : 0));

        int n = begin / per_image, first = (begin - n * per_image) * M;
        for (int tile = begin; tile < end; tile++) {
            const int start = min(first, (int)plane - M);
            const long to = (((long)n * (d.K / B) + group * KB / PARTS) * plane + start) * PARTS;
            __global const real *x = src + src_at + ((n * (d.C / SB) + c0 / SB) * plane + start) * SB,
                                *next = packed + (c1 - c0) * (KB * V) + fetch_at(c1 - c0, tile - begin, step);
            panel w = opened;
            vec sums[M][KB];
#pragma unroll
            for (int m = 0; m < M; m++)
#pragma unroll
                for (int j = 0; j < KB; j++) sums[m][j] = pass ? (vec)0.0f : b[j];
#ifdef DATA
            if (pass) take_up(sums, scratch + (tile - begin) * (M * KB));
            if (!pass && d.flags & WITH_RESIDUAL)
                add_pixels(sums, (__global const reals *)(residual + residual_at) + to, plane, first - start);
#else
            /* The residual is read before the first partial sum may overwrite it. */
            if (pass || d.flags & WITH_RESIDUAL)
                add_pixels(sums, (__global const reals *)(pass ? dst + dst_at : residual + residual_at) + to, plane,
                           first - start);
#endif
            for (int c = c0; c < c1; c += SB, x += plane * SB) {
                for (int part = 0; part < SB; part += V) {
#ifdef DATA
                    vec wide[M];
#pragma unroll
                    for (int m = 0; m < M; m++) wide[m] = load_aligned(x + m * SB + part);
#endif
                    for (int u = 0; u < V; u++, w += KB * V, next += step) {
                        acc xc[M];
                        PREFETCH(next);
#pragma unroll
#ifdef DATA
                        for (int m = 0; m < M; m++) xc[m] = ((const acc *)&wide[m])[u];
#else
                        for (int m = 0; m < M; m++) xc[m] = load(x, m * SB + u);
#endif
                        multiply(sums, xc, w);
                    }
                }
            }
            if (last && d.flags & WITH_MASK)
                mask_pixels(sums, (__global const reals *)(bias + bias_at) + to, plane);
#ifdef DATA
            if (!last)
                keep(sums, scratch + (tile - begin) * (M * KB));
            else
#endif
                store_pixels(sums, (__global reals *)(dst + dst_at) + to, floor, plane, first - start);
            first += M;
            if (first >= plane) {
                first = 0;
                n++;
            }
        }
    }
}
