/* matrix_amx.cl - fragments in the tile registers of x86 processors: sums from 0 up, src from 4 up, weights from 7 down. */
#define MATRIX_FEATURES "amx-tile,amx-bf16,avx512f,avx512bw,avx512bf16"
#define MATRIX __attribute__((target(MATRIX_FEATURES), noinline)) static
#define MATRIX_INLINE __attribute__((target(MATRIX_FEATURES), always_inline)) static inline

#define SUMS_TILE(i, j) ((i)*NT + (j))
#define SRC_TILE(i) (4 + (i))
#define WEIGHTS_TILE(j) (7 - (j) % (4 - MT))

#define MATRIX_REGISTERS
#define ZERO_SUMS(i, j) __builtin_ia32_tilezero(SUMS_TILE(i, j))
#define FILL_SUMS(i, j, row) __builtin_ia32_tileloadd64(SUMS_TILE(i, j), row, 0)
#define LOAD_SUMS(i, j, from) __builtin_ia32_tileloadd64(SUMS_TILE(i, j), from, NT * 16 * sizeof(float))
#define STORE_SUMS(i, j, to) __builtin_ia32_tilestored64(SUMS_TILE(i, j), to, NT * 16 * sizeof(float))
#define LOAD_SRC(i, from, step) __builtin_ia32_tileloadd64(SRC_TILE(i), from, (step) * sizeof(real))
#define LOAD_WEIGHTS(j, from) __builtin_ia32_tileloadd64(WEIGHTS_TILE(j), from, 64)
#define MULTIPLY_ADD(i, j) __builtin_ia32_tdpbf16ps(SUMS_TILE(i, j), SRC_TILE(i), WEIGHTS_TILE(j))

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

typedef short short32 __attribute__((ext_vector_type(32)));

/* As integers, all negative numbers but NaN are at most -infinity. */
MATRIX_INLINE uint16 round_line(vec low, vec high, int relu)
{
    short32 line = __builtin_ia32_cvtne2ps2bf16_512(high, low);
    if (relu) line = line > (short32)(short)0xff80 ? line : (short32)0;
    return __builtin_astype(line, uint16);
}
