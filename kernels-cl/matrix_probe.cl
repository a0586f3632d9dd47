/* matrix_probe.cl - the smallest kernel that uses all of matrix.cl: whether a family computes what it should is seen by running it.
 *
 * dst (32 pixels, 32 outputs) = relu(bias + sum over `steps` of src (32 pixels, 32 channels) x weights (2 fragments)).
 * Work-items: 1. Local memory: 32 floats. */
#define MEM __global
#include "matrix.cl"

MATRIX void product(__global const real *src, __global const real *weights, __local const float *bias, float *sums, int steps)
{
    const int first = 0;
    for (int i = 0; i < steps; i++, src += 2 * FRAGMENT, weights += 2 * FRAGMENT) {
        const struct steps step = {
            .src = src, .step = 32, .tap = &first, .blocks = 1, .taps = 1, .until = 32, .weights = weights, .row = bias};
        multiply_steps(sums, i > 0 ? WITH_SUMS : WITH_ROW, &step);
        store_sums(sums);
    }
}

MATRIX void finish(const float *sums, __global real *dst)
{
    for (int p = 0; p < 32; p++, sums += 32, dst += 32)
        *(__global uint16 *)dst = round_line(*(const vec *)sums, *(const vec *)(sums + 16), 1);
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
matrix_probe(__global const real *src, ulong src_at, __global const real *weights, ulong weights_at,
             __global const param *bias, ulong bias_at, __global real *dst, ulong dst_at, int steps, __local float *row)
{
    float sums[32 * 32] __attribute__((aligned(64)));
    for (int k = 0; k < 32; k++) row[k] = bias[bias_at + k];
    matrix_begin();
    product(src + src_at, weights + weights_at, row, sums, steps);
    finish(sums, dst + dst_at);
    matrix_end();
}
