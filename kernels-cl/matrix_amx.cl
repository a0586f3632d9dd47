/* matrix_amx.cl - fragments in the tile registers of x86 processors: sums from 0 up, src from 4 up, weights from 7 down. The
 * registers stand in the instructions, so their numbers are constants. One of weights lives until the next with the same number
 * or, with NT = 4, three loads on. */
#define MATRIX_FEATURES "amx-tile,amx-bf16,avx512f,avx512bw,avx512bf16"
#include "matrix_round.cl"
#include "prefetch.cl"

enum { STEPS_AT_ONCE = 1 << 16 }; /* while the sums stay in their registers */

#define SUMS_TILE(i, j) ((i)*NT + (j))
#define SRC_TILE(i) (4 + (i))
#define WEIGHTS_TILE(j) (7 - (j) % (4 - MT))

#define LOAD_SRC(i, from, step) __builtin_ia32_tileloadd64(SRC_TILE(i), from, (step) * sizeof(real))
#define LOAD_WEIGHTS(j, from) __builtin_ia32_tileloadd64(WEIGHTS_TILE(j), (from) + (j)*FRAGMENT, 64)
#define MULTIPLY_ADD(i, j) __builtin_ia32_tdpbf16ps(SUMS_TILE(i, j), SRC_TILE(i), WEIGHTS_TILE(j))

/* Of all registers of sums. */
#if NT == 1
#define ROW_OF(do, i) do(i, 0)
#elif NT == 2
#define ROW_OF(do, i) do(i, 0) do(i, 1)
#else
#define ROW_OF(do, i) do(i, 0) do(i, 1) do(i, 2) do(i, 3)
#endif
#if MT == 1
#define ALL_OF(do) ROW_OF(do, 0)
#else
#define ALL_OF(do) ROW_OF(do, 0) ROW_OF(do, 1)
#endif
#define ZERO(i, j) __builtin_ia32_tilezero(SUMS_TILE(i, j));
#define FILL(i, j) __builtin_ia32_tileloadd64(SUMS_TILE(i, j), row + (j)*16, 0);
#define TAKE(i, j) __builtin_ia32_tileloadd64(SUMS_TILE(i, j), sums + ((i)*NT * 16 + (j)) * 16, NT * 16 * sizeof(float));
#define GIVE(i, j) __builtin_ia32_tilestored64(SUMS_TILE(i, j), sums + ((i)*NT * 16 + (j)) * 16, NT * 16 * sizeof(float));

struct tile_config {
    uchar palette, start, reserved[14];
    ushort row_bytes[16];
    uchar rows[16];
};

MATRIX void matrix_begin(void)
{
    struct tile_config config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        config.row_bytes[i] = 64;
        config.rows[i] = 16;
    }
    __builtin_ia32_tile_loadconfig(&config);
}

MATRIX void matrix_end(void)
{
    __builtin_ia32_tilerelease();
}

MATRIX_INLINE void store_sums(SUMS_MEM float *sums)
{
    ALL_OF(GIVE)
}

MATRIX_INLINE void multiply_steps(SUMS_MEM float *sums, tile_begin begin, const struct steps *s)
{
    __local const float *row = s->row;
    MEM const real *block = s->src;
    __global const real *w = s->weights, *fetch = s->fetch;
    if (begin == WITH_ZEROS) {
        ALL_OF(ZERO)
    } else if (begin == WITH_ROW) {
        ALL_OF(FILL)
    } else {
        ALL_OF(TAKE)
    }
    for (int c = 0; c < s->blocks; c++, block += s->plane) {
        for (int u = 0; u < s->taps; u++, w += NT * FRAGMENT) {
            MEM const real *x = block + s->tap[u];
            LOAD_SRC(0, x, s->step);
            LOAD_WEIGHTS(0, w);
            MULTIPLY_ADD(0, 0);
#if NT > 1
            LOAD_WEIGHTS(1, w);
            MULTIPLY_ADD(0, 1);
#endif
#if NT > 2
            LOAD_WEIGHTS(2, w);
            MULTIPLY_ADD(0, 2);
            LOAD_WEIGHTS(3, w);
            MULTIPLY_ADD(0, 3);
#endif
#if MT > 1
            LOAD_SRC(1, x + 16 * s->step, s->step);
            MULTIPLY_ADD(1, 0);
#if NT > 1
            MULTIPLY_ADD(1, 1);
#endif
#endif
            for (int i = 0; i < s->lines; i++, fetch += 32) PREFETCH(fetch);
        }
    }
}
