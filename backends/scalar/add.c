/* add.c - dst = a + b, any rank, ReLU on request. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    shunt_status status = scalar_expect_same(&desc->inputs[1], "b", &desc->inputs[0]);
    return status ? status : scalar_expect_same(&desc->outputs[0], "dst", &desc->inputs[0]);
}

static uint64_t flops(const shunt_op_desc *desc)
{
    return shunt_tensor_count(&desc->outputs[0]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    bool with_relu = desc->flags & SHUNT_FLAG_RELU;
    const real *a = inputs[0], *b = inputs[1];
    real *dst = outputs[0];
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) {
        real sum = a[i] + b[i];
        dst[i] = with_relu ? relu(sum) : sum;
    }
}

const scalar_op TYPED(scalar_add) = {
    .ninputs = 2, .flags = SHUNT_FLAG_RELU, .inplace_inputs = 3, .check = check, .flops = flops, .run = run};
