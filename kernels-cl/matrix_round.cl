/* matrix_round.cl - rounding by the instruction of AVX512_BF16, for families with MATRIX_FEATURES. */
#define MATRIX __attribute__((target(MATRIX_FEATURES), noinline)) static
#define MATRIX_INLINE __attribute__((target(MATRIX_FEATURES), always_inline)) static inline

typedef short short32 __attribute__((ext_vector_type(32)));

/* As integers, all negative numbers but NaN are at most -infinity. */
MATRIX_INLINE uint16 round_line(vec low, vec high, int relu)
{
    short32 line = __builtin_ia32_cvtne2ps2bf16_512(high, low);
    if (relu) line = line > (short32)(short)0xff80 ? line : (short32)0;
    return __builtin_astype(line, uint16);
}
