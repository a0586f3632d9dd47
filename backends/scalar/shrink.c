/* shrink.c - a group of parameters shrinks as one, in place; op.h has the formula. */
#include "op.h"

#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *scale = &desc->inputs[0];
    shunt_status status = scalar_expect_dims(&desc->inputs[2], "threshold", 1, (int64_t[]){1});
    if (!status) status = scalar_expect_same(&desc->inputs[1], "shift", scale);
    if (!status) status = scalar_expect_same(&desc->outputs[0], "scale", scale);
    if (!status) status = scalar_expect_same(&desc->outputs[1], "shift", scale);
    return status ? status : scalar_expect_number(desc, SHUNT_FLAG_SKIP, "skip");
}

static double squares_of(const real *x, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t count = (int64_t)shunt_tensor_count(&desc->inputs[0]);
    const real *scale = inputs[0], *shift = inputs[1];
    const double threshold = (double)*(const real *)inputs[2];
    const double r = sqrt((squares_of(scale, count) + squares_of(shift, count)) / (double)(2 * count));
    const bool skip = flag_number(desc, inputs, SHUNT_FLAG_SKIP, 0) != 0, vanishes = !skip && r <= threshold;
    const real factor = skip ? 1 : (real)(1 - threshold / r);
    (void)threads;
    for (int o = 0; o < 2; o++) {
        const real *from = inputs[o];
        real *to = outputs[o];
        for (int64_t i = 0; i < count; i++) to[i] = vanishes ? 0 : factor * from[i];
    }
}

const scalar_op TYPED(scalar_shrink) = {.flags = SHUNT_FLAG_SKIP, .inplace_inputs = 1, .check = check, .run = run};
