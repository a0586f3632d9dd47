/* relu_grad.c - diff_src = diff_dst where dst, the result of the ReLU, is above 0, else 0. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    shunt_status status = scalar_expect_same(&desc->inputs[1], "diff_dst", &desc->inputs[0]);
    return status ? status : scalar_expect_same(&desc->outputs[0], "diff_src", &desc->inputs[0]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    const real *dst = inputs[0], *diff_dst = inputs[1];
    real *diff_src = outputs[0];
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) diff_src[i] = dst[i] > 0 ? diff_dst[i] : 0;
}

const scalar_op TYPED(scalar_relu_grad) = {.inplace_inputs = 3, .check = check, .run = run};
