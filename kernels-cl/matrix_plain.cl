/* matrix_plain.cl - fragments in vectors of OpenCL C, for any device. Those of src and weights stay where they are in memory, and
 * are read when they are multiplied. */
#define MATRIX static
#define MATRIX_INLINE static inline

struct fragments {
    MEM const real *src[MT];
    __global const real *weights[NT];
    long step;
    vec sums[MT * NT][16];
};

static void zero_sums(vec sums[16])
{
    for (int p = 0; p < 16; p++) sums[p] = (vec)0.0f;
}

static void fill_sums(vec sums[16], __local const float *row)
{
    for (int p = 0; p < 16; p++) sums[p] = LOAD(row);
}

static void load_sums(vec sums[16], SUMS_MEM const float *from)
{
    for (int p = 0; p < 16; p++) sums[p] = LOAD(from + p * NT * 16);
}

static void store_sums(const vec sums[16], SUMS_MEM float *to)
{
    for (int p = 0; p < 16; p++) STORE(sums[p], to + p * NT * 16);
}

/* A pair of bfloat16 is 32 bits, the first of them the lower half. */
static void multiply_add(vec sums[16], MEM const real *src, long step, __global const real *weights)
{
    vec own[16];
#pragma unroll
    for (int p = 0; p < 16; p++) own[p] = sums[p];
    for (int pair = 0; pair < 16; pair++, src += 2, weights += 32) {
        const uint16 w = *(__global const uint16 *)weights;
        const vec first = as_float16(w << 16), second = as_float16(w & 0xffff0000);
#pragma unroll
        for (int p = 0; p < 16; p++) {
            const uint x = *(MEM const uint *)(src + p * step);
            own[p] = fma((vec)as_float(x << 16), first, own[p]);
            own[p] = fma((vec)as_float(x & 0xffff0000), second, own[p]);
        }
    }
#pragma unroll
    for (int p = 0; p < 16; p++) sums[p] = own[p];
}

#define MATRIX_REGISTERS struct fragments own;
#define ZERO_SUMS(i, j) zero_sums(own.sums[(i)*NT + (j)])
#define FILL_SUMS(i, j, row) fill_sums(own.sums[(i)*NT + (j)], row)
#define LOAD_SUMS(i, j, from) load_sums(own.sums[(i)*NT + (j)], from)
#define STORE_SUMS(i, j, to) store_sums(own.sums[(i)*NT + (j)], to)
#define LOAD_SRC(i, from, distance) (own.src[i] = (from), own.step = (distance))
#define LOAD_WEIGHTS(j, from) (own.weights[j] = (from))
#define MULTIPLY_ADD(i, j) multiply_add(own.sums[(i)*NT + (j)], own.src[i], own.step, own.weights[j])

static void matrix_begin(void)
{
}

static void matrix_end(void)
{
}

static inline uint16 round_line(vec low, vec high, int relu)
{
    const vec floor = relu ? (vec)0.0f : (vec)-INFINITY;
    return (uint16)(as_uint8(narrow(at_least(low, floor))), as_uint8(narrow(at_least(high, floor))));
}
