/* wave_probe.cl - the smallest kernel that uses all of wave.cl: whether a family computes what it should is seen by running it.
 *
 * Each wave w of the group: sums (w, 16 rows, 16 columns) = src (w, 16 rows, INNER) x weights (w, 16 columns, INNER).
 * Work-items: one group of WAVES waves. Local memory: a fragment of src, of weights and of sums for each wave. */
#ifdef WAVE_INTEL
#define ROW 16
#else
#define ROW 24
#endif
#include "wave.cl"

enum { INNER = 32 };
#define ITEMS (WAVES * WAVE)
#define UNITS (2 * EDGE * ROW / 8 + EDGE * SUMS_ROW / 4) /* of 16 bytes, of a wave */

/* 16 rows of 16 numbers. */
static void bring(__local real *to, __global const real *from, int lane)
{
    for (int i = lane; i < EDGE * EDGE; i += WAVE) to[i / EDGE * ROW + i % EDGE] = from[i / EDGE * INNER + i % EDGE];
}

WAVE_ATTRIBUTES __attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void
wave_probe(__global const real *src, ulong src_at, __global const real *weights, ulong weights_at, __global acc *sums,
           ulong sums_at)
{
    __local uint4 memory[WAVES * UNITS];
    const int wave = get_local_id(0) / WAVE, lane = get_local_id(0) % WAVE;
    __local real *x = (__local real *)(memory + wave * UNITS), *y = x + EDGE * ROW;
    __local float *show = (__local float *)(y + EDGE * ROW);
    sums_fragment own = {0};
    for (int k = 0; k < INNER; k += EDGE) {
        bring(x, src + src_at + wave * EDGE * INNER + k, lane);
        bring(y, weights + weights_at + wave * EDGE * INNER + k, lane);
        barrier(CLK_LOCAL_MEM_FENCE);
        multiply_add(&own, load_src_fragment(x, lane), load_weights_fragment(y, lane));
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    keep_sums(&own, show, lane);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = lane; i < EDGE * EDGE; i += WAVE)
        sums[sums_at + wave * EDGE * EDGE + i] = show[i / EDGE * SUMS_ROW + i % EDGE];
}
