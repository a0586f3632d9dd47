/* register_tile.cl - what conv_tile.cl and conv_point.cl share: M pixels times KB vectors of B channels, in registers. */
#include "cpu.cl"
#include "conv.cl"

/* How the work is cut; the same fields as conv_cut in backends/opencl/conv_tile.c. */
struct conv_cut {
    int taps;              /* R * S, with PLAIN_SRC R; or 0 */
    int chunk;             /* tiles per work-item */
    int pass_taps, pass_c; /* taps and channels per pass over the chunk; pass_c < C needs pass_taps 1 */
};

/* sums (M, KB) += one src lane of each pixel, x (M), times KB*B weights. */
static void multiply(vec sums[M][KB], const acc *x, __global const real *w)
{
    vec wv[KB];
#pragma unroll
    for (int j = 0; j < KB; j++) wv[j] = load_reals((__global const reals *)w + j);
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int j = 0; j < KB; j++) sums[m][j] = fma((vec)x[m], wv[j], sums[m][j]);
}
