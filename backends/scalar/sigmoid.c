/* sigmoid.c - dst = 1 / (1 + exp(-src)), and its gradient, diff_src = diff_dst * dst * (1 - dst); any rank. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    return scalar_expect_same(&desc->outputs[0], "dst", &desc->inputs[0]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    const real *src = inputs[0];
    real *dst = outputs[0];
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) dst[i] = 1 / (1 + exp(-src[i]));
}

static shunt_status check_grad(const shunt_op_desc *desc)
{
    shunt_status status = scalar_expect_same(&desc->inputs[1], "diff_dst", &desc->inputs[0]);
    return status ? status : scalar_expect_same(&desc->outputs[0], "diff_src", &desc->inputs[0]);
}

static void run_grad(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    const real *dst = inputs[0], *diff_dst = inputs[1];
    real *diff_src = outputs[0];
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) diff_src[i] = diff_dst[i] * dst[i] * (1 - dst[i]);
}

const scalar_op TYPED(scalar_sigmoid) = {.inplace_inputs = 1, .check = check, .run = run};
const scalar_op TYPED(scalar_sigmoid_grad) = {.inplace_inputs = 3, .check = check_grad, .run = run_grad};
