/* matrix.cl - small matrices of bfloat16 multiplied by whatever the processor has for that: one interface, a file per family.
 *
 * A tile is MT * 16 pixels by NT * 16 outputs (build options: 1 or 2; 1, 2 or 4), and its sums in float32 lie in memory, rows of
 * NT * 16. What it adds up are fragments:
 *   src      16 pixels by 32 channels; a pixel's channels are neighbours
 *   weights  32 channels by 16 outputs, in memory [16 pairs of channels][16 outputs][2]
 * (In 8 bits a fragment has 64 channels in the same bytes, in fours instead of pairs, and its sums are int32.)
 *
 * A family, chosen by MATRIX_AMX, MATRIX_AVX512_BF16 or else plain, defines
 *   MATRIX                         the attributes of functions that use fragments; such a function is never inlined in others
 *   MATRIX_INLINE                  those of a function that is inlined in one of these
 *   matrix_begin(), matrix_end()   called once before and after
 *   multiply_steps(sums, begin, steps)
 *                                  a tile becomes the sum of the steps and of what it begins with
 *   store_sums(sums)               before it, `sums` need not hold the tile; no other tile is multiplied meanwhile
 *   STEPS_AT_ONCE                  at most so many are best multiplied in one call
 *   round_line(low, high, relu)    32 floats rounded to bfloat16, to nearest even, through ReLU if wanted; NaN stay NaN
 * Denormal numbers may count as zero.
 *
 * MEM, the address space of src, is defined before; SUMS_MEM, that of sums, where it is not private; PAIRS, where a fragment's pairs of
 * channels from there on have weights of zero, and need not be multiplied.
 */
#ifndef SUMS_MEM
#define SUMS_MEM
#endif
#ifndef PAIRS
#define PAIRS 16
#endif
#include "common.cl"

enum { FRAGMENT = 512 }; /* elements of src or weights */

/* What a tile begins with: zeros; for each pixel the NT * 16 floats of a row; the sums that it has. */
typedef enum { WITH_ZEROS, WITH_ROW, WITH_SUMS } tile_begin;

/* What a tile adds up: src times weights at each tap of each block of 32 channels. */
struct steps {
    MEM const real *src;          /* of the first pixel */
    long step, plane;             /* elements from a pixel to the next, from a block to the next */
    const int *tap;               /* where in src each tap begins */
    int blocks, taps, from, until; /* from, until: the pixels that are wanted; the others may be computed or not */
    __global const real *weights; /* [block][tap][NT] fragments */
    __local const float *row;     /* that it may begin with */
    __global const real *fetch;   /* what to fetch towards the caches meanwhile: `lines` times 32 elements a step */
    int lines;
};

#if defined(MATRIX_AMX)
#include "matrix_amx.cl"
#elif defined(MATRIX_AVX512_BF16)
#include "matrix_avx512.cl"
#else
#include "matrix_plain.cl"
#endif
