/* global_pool.c - dst (N,C) = the mean of src (N,C,H,W) over H and W. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    shunt_status status = scalar_expect_rank(&desc->inputs[0], "src", 4);
    return status ? status : scalar_expect_dims(&desc->outputs[0], "dst", 2, desc->inputs[0].dims);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t *dims = desc->inputs[0].dims;
    int64_t planes = dims[0] * dims[1], area = dims[2] * dims[3];
    const real *src = inputs[0];
    real *dst = outputs[0];
#pragma omp parallel for num_threads(threads) if (planes * area > SCALAR_SMALL)
    for (int64_t plane = 0; plane < planes; plane++) {
        real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = plane * area; i < (plane + 1) * area; i++) sum += src[i];
        dst[plane] = sum / (real)area;
    }
}

const scalar_op TYPED(scalar_global_pool) = {.check = check, .run = run};
