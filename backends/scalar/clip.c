/* clip.c - dst = min(max(src, low), high), any rank. NaN stays NaN. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    return scalar_expect_same(&desc->outputs[0], "dst", &desc->inputs[0]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    real low = (real)desc->attr.clip.low, high = (real)desc->attr.clip.high;
    const real *src = inputs[0];
    real *dst = outputs[0];
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) {
        real x = src[i] < low ? low : src[i];
        dst[i] = x > high ? high : x;
    }
}

const scalar_op TYPED(scalar_clip) = {.inplace_inputs = 1, .check = check, .run = run};
