/* count_nonfinite.c - dst (1) = residual (1) + the number of elements of src that are infinite or NaN. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    shunt_status status = scalar_expect_number(desc, SHUNT_FLAG_RESIDUAL, "residual");
    return status ? status : scalar_expect_dims(&desc->outputs[0], "dst", 1, (int64_t[]){1});
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->inputs[0]), bad = 0;
    const real *src = inputs[0];
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL) reduction(+ : bad)
    for (int64_t i = 0; i < count; i++) bad += !isfinite(src[i]);
    *(real *)outputs[0] = flag_number(desc, inputs, SHUNT_FLAG_RESIDUAL, 0) + (real)bad;
}

const scalar_op TYPED(scalar_count_nonfinite) = {.flags = SHUNT_FLAG_RESIDUAL, .check = check, .run = run};
