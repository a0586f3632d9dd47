/* step.c - dst = 1 where src is above 1/2, else 0; any rank. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    return scalar_expect_same(&desc->outputs[0], "dst", &desc->inputs[0]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    const real *src = inputs[0];
    real *dst = outputs[0];
    (void)threads; /* decisions are few */
    for (int64_t i = 0; i < count; i++) dst[i] = src[i] > (real)0.5 ? 1 : 0;
}

const scalar_op TYPED(scalar_step) = {.inplace_inputs = 1, .check = check, .run = run};
