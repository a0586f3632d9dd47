/* matrix_vector.cl - the families without registers for fragments: add_pair() is all that differs. The sums of a tile stay where
 * they are in memory; PIXELS pixels by OUTS vectors of outputs at a time get all their steps in registers. */
#include "prefetch.cl"

enum {
    PIXELS = NT > 1 ? 8 : 16,
    OUTS = NT > 1 ? 2 : 1,
    STEPS_AT_ONCE = 8 /* whose weights stay in the first-level cache while all pixels use them */
};

MATRIX void matrix_begin(void)
{
}

MATRIX void matrix_end(void)
{
}

MATRIX_INLINE void store_sums(SUMS_MEM float *sums)
{
}

/* 32 channels of PIXELS pixels. */
MATRIX_INLINE void add_step(vec sums[PIXELS][OUTS], MEM const real *src, long step, __global const real *weights)
{
#pragma unroll 4
    for (int pair = 0; pair < PAIRS; pair++, src += 2, weights += 32) {
        uint16 w[OUTS];
#pragma unroll
        for (int j = 0; j < OUTS; j++) w[j] = *(__global const uint16 *)(weights + j * FRAGMENT);
#pragma unroll
        for (int p = 0; p < PIXELS; p++)
#pragma unroll
            for (int j = 0; j < OUTS; j++) sums[p][j] = add_pair(sums[p][j], *(MEM const uint *)(src + p * step), w[j]);
    }
}

/* All steps of the pixels from p on and the outputs from k * 16 on. */
MATRIX_INLINE void add_part(SUMS_MEM float *to, tile_begin begin, const struct steps *s, int p, int k, int lines)
{
    SUMS_MEM vec *all = (SUMS_MEM vec *)to + p * NT + k;
    MEM const real *block = s->src + p * s->step;
    __global const real *w = s->weights + k * FRAGMENT, *fetch = s->fetch;
    vec sums[PIXELS][OUTS];
#pragma unroll
    for (int i = 0; i < PIXELS; i++)
#pragma unroll
        for (int j = 0; j < OUTS; j++)
            sums[i][j] = begin == WITH_ZEROS ? (vec)0.0f
                         : begin == WITH_ROW ? ((__local const vec *)s->row)[k + j]
                                             : all[i * NT + j];
    for (int c = 0; c < s->blocks; c++, block += s->plane) {
        for (int u = 0; u < s->taps; u++, w += NT * FRAGMENT) {
            add_step(sums, block + s->tap[u], s->step, w);
            for (int i = 0; i < lines; i++, fetch += 32) PREFETCH(fetch);
        }
    }
#pragma unroll
    for (int i = 0; i < PIXELS; i++)
#pragma unroll
        for (int j = 0; j < OUTS; j++) all[i * NT + j] = sums[i][j];
}

MATRIX_INLINE void multiply_steps(SUMS_MEM float *sums, tile_begin begin, const struct steps *s)
{
    for (int k = 0; k < NT; k += OUTS)
        for (int p = s->from / PIXELS * PIXELS; p < s->until; p += PIXELS)
            add_part(sums, begin, s, p, k, k == 0 && p <= s->from ? s->lines : 0);
}
