/* register_tile.cl - what conv_tile.cl and conv_point.cl share: M pixels times KB vectors of V channels, in registers. */
#include "cpu.cl"
#include "conv.cl"

#define PARTS (B / V) /* vectors of a block of dst; 1, or a divisor of KB */

/* How the work is cut; the same fields as conv_cut in backends/opencl/conv_tile.c. */
struct conv_cut {
    int taps;              /* R * S, with PLAIN_SRC R; or 0 */
    int chunk;             /* tiles per work-item */
    int pass_taps, pass_c; /* taps and channels per pass over the chunk; pass_c < C needs pass_taps 1 */
};

/* Weights as they are multiplied. 16-bit ones are widened once for a chunk of tiles: in a tile each meets only M pixels. */
#ifdef DATA
typedef __local const acc *panel;
#else
typedef __global const real *panel;
#endif

static inline vec load_panel(panel w, int j)
{
#ifdef DATA
    return ((__local const vec *)w)[j];
#else
    return load_reals((__global const reals *)w + j);
#endif
}

/* The panel of `channels` times KB vectors that are packed at w. */
static panel open_panel(__global const real *w, int channels, __local vec *scratch)
{
#ifdef DATA
    for (int i = 0; i < channels * KB; i++) scratch[i] = load_reals((__global const reals *)w + i);
    return (panel)scratch;
#else
    return w;
#endif
}

/* The sums of a tile between passes: where the results are of 16 bits, they cannot wait in dst. */
static void keep(vec sums[M][KB], __local vec *kept)
{
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int j = 0; j < KB; j++) kept[m * KB + j] = sums[m][j];
}

static void take_up(vec sums[M][KB], __local const vec *kept)
{
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int j = 0; j < KB; j++) sums[m][j] = kept[m * KB + j];
}

/* sums (M, KB) += one src lane of each pixel, x (M), times KB*V weights. */
static void multiply(vec sums[M][KB], const acc *x, panel w)
{
    vec wv[KB];
#pragma unroll
    for (int j = 0; j < KB; j++) wv[j] = load_panel(w, j);
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int j = 0; j < KB; j++) sums[m][j] = fma((vec)x[m], wv[j], sums[m][j]);
}

/* How many vectors after the first of its tile the j-th vector of a pixel of dst lies. */
static inline long apart(int j, long plane)
{
    return j / PARTS * plane * PARTS + j % PARTS;
}
