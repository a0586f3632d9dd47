/* accumulate.c - factors[0] * sum + factors[1] * src, in place of the sum; without the sum where factors[0] is 0. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    shunt_status status = scalar_expect_same(&desc->inputs[1], "src", &desc->inputs[0]);
    if (!status) status = scalar_expect_dims(&desc->inputs[2], "factors", 1, (int64_t[]){2});
    return status ? status : scalar_expect_same(&desc->outputs[0], "sum", &desc->inputs[0]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    const real *sum = inputs[0], *src = inputs[1], *factors = inputs[2];
    const real kept = factors[0], added = factors[1];
    real *result = outputs[0];
    if (kept == 0) {
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
        for (int64_t i = 0; i < count; i++) result[i] = added * src[i];
        return;
    }
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) result[i] = kept * sum[i] + added * src[i];
}

const scalar_op TYPED(scalar_accumulate) = {.inplace_inputs = 1, .check = check, .run = run};
