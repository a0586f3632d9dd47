/* global_pool_grad.c - diff_src (N,C,H,W) = diff_dst (N,C) / (H * W), everywhere in a plane. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    return scalar_expect_forward(desc, &TYPED(scalar_global_pool), &desc->outputs[0], NULL, &desc->inputs[0]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t *dims = desc->outputs[0].dims;
    int64_t planes = dims[0] * dims[1], area = dims[2] * dims[3];
    const real *diff_dst = inputs[0];
    real *diff_src = outputs[0];
#pragma omp parallel for num_threads(threads) if (planes * area > SCALAR_SMALL)
    for (int64_t plane = 0; plane < planes; plane++) {
        real value = diff_dst[plane] / (real)area;
        for (int64_t i = plane * area; i < (plane + 1) * area; i++) diff_src[i] = value;
    }
}

const scalar_op TYPED(scalar_global_pool_grad) = {.check = check, .run = run};
