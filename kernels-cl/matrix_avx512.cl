/* matrix_avx512.cl - pairs of bfloat16 multiplied by the dot products of AVX512_BF16: 32 multiply-adds an instruction. */
#define MATRIX_FEATURES "avx512f,avx512bw,avx512bf16"
#include "matrix_round.cl"

/* sums += x, a pair, times 16 pairs of w. */
MATRIX_INLINE vec add_pair(vec sums, uint x, uint16 w)
{
    return __builtin_ia32_dpbf16ps_512(sums, __builtin_astype((uint16)x, int16), __builtin_astype(w, int16));
}

#include "matrix_vector.cl"
