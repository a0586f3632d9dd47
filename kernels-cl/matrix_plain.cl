/* matrix_plain.cl - pairs of bfloat16 multiplied by vectors of OpenCL C, for any device. */
#define MATRIX static
#define MATRIX_INLINE static inline

/* sums += x, a pair, times 16 pairs of w. The first of a pair is the lower half of its 32 bits. */
static inline vec add_pair(vec sums, uint x, uint16 w)
{
    sums = fma((vec)as_float(x << 16), as_float16(w << 16), sums);
    return fma((vec)as_float(x & 0xffff0000), as_float16(w & 0xffff0000), sums);
}

static inline uint16 round_line(vec low, vec high, int relu)
{
    const vec floor = relu ? (vec)0.0f : (vec)-INFINITY;
    return (uint16)(as_uint8(narrow(at_least(low, floor))), as_uint8(narrow(at_least(high, floor))));
}

#include "matrix_vector.cl"
