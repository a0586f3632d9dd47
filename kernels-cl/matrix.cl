/* matrix.cl - small matrices of bfloat16 multiplied by whatever the processor has for that: one interface, a file per family.
 *
 * A kernel holds MT fragments of src, NT of weights and MT * NT of sums (build options: 2 and 2, or 1 and 4):
 *   src      16 pixels by 32 channels; a pixel's channels are neighbours, pixels lie `step` elements apart
 *   weights  32 channels by 16 outputs, in memory [16 pairs of channels][16 outputs][2]
 *   sums     16 pixels by 16 outputs in float32, in memory rows of NT * 16 outputs
 * (In 8 bits a fragment has 64 channels in the same bytes, in fours instead of pairs, and its sums are int32.)
 *
 * A family, chosen by MATRIX_AMX or else plain, defines
 *   MATRIX                        the attributes of functions that use fragments; such a function is never inlined in others
 *   MATRIX_INLINE                 those of a function that is inlined in one of these
 *   matrix_begin(), matrix_end()  called once before and after
 *   MATRIX_REGISTERS              stands among the declarations of such a function
 *   ZERO_SUMS(i, j)
 *   FILL_SUMS(i, j, row)          each pixel's sums become the 16 floats at `row`
 *   LOAD_SUMS(i, j, from), STORE_SUMS(i, j, to)
 *   LOAD_SRC(i, from, step), LOAD_WEIGHTS(j, from)
 *   MULTIPLY_ADD(i, j)            sums (i, j) += src i times weights j
 *   round_line(low, high, relu)   32 floats rounded to bfloat16, to nearest even, through ReLU if wanted; NaN stay NaN
 * Fragments are registers, which stand in the instructions: i and j are constants. One of weights lives until the next with the
 * same number or, with NT = 4, three loads on. Denormal numbers may count as zero.
 *
 * MEM, the address space of src, is defined before; and SUMS_MEM, that of sums, where it is not private.
 */
#ifndef SUMS_MEM
#define SUMS_MEM
#endif
#include "common.cl"

enum { FRAGMENT = 512 }; /* elements of src or weights */

#ifdef MATRIX_AMX
#include "matrix_amx.cl"
#else
#include "matrix_plain.cl"
#endif
