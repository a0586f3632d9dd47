/* moving_average.c - average + rate * (scale * sample - average), in place of the average. */
#include "op.h"

#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    shunt_status status = scalar_expect_same(&desc->inputs[1], "sample", &desc->inputs[0]);
    if (!status) status = scalar_expect_number(desc, SHUNT_FLAG_SKIP, "skip");
    return status ? status : scalar_expect_same(&desc->outputs[0], "average", &desc->inputs[0]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    const real *average = inputs[0], *sample = inputs[1];
    real *result = outputs[0], rate = (real)desc->attr.moving_average.rate;
    real scale = (real)desc->attr.moving_average.scale;
    if (flag_number(desc, inputs, SHUNT_FLAG_SKIP, 0) != 0) {
        memmove(result, average, (size_t)count * sizeof *result);
        return;
    }
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) result[i] = average[i] + rate * (scale * sample[i] - average[i]);
}

const scalar_op TYPED(scalar_moving_average) = {
    .flags = SHUNT_FLAG_SKIP, .inplace_inputs = 1, .check = check, .run = run};
