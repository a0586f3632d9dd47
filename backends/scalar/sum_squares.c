/* sum_squares.c - dst (2) = the sums of the squares of two tensors of one shape. One after the other, in double: the same bits with any
 * number of threads. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    shunt_status status = scalar_expect_same(&desc->inputs[1], "diff", &desc->inputs[0]);
    return status ? status : scalar_expect_dims(&desc->outputs[0], "dst", 1, (int64_t[]){2});
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const uint64_t count = shunt_tensor_count(&desc->inputs[0]);
    real *dst = outputs[0];
    (void)threads;
    for (int k = 0; k < 2; k++) {
        const real *src = inputs[k];
        double sum = 0;
        for (uint64_t i = 0; i < count; i++) sum += (double)src[i] * (double)src[i];
        dst[k] = (real)sum;
    }
}

const scalar_op TYPED(scalar_sum_squares) = {.check = check, .run = run};
