/* global_pool.c - how GLOBAL_POOL is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    int64_t N = dice_between(d, 1, 3), C = dice_between(d, 1, 40);
    dice_input(op, dice_tensor(4, N, C, dice_between(d, 1, 15), dice_between(d, 1, 15)), 0);
    op->outputs[0] = dice_tensor(2, N, C, 0, 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const int64_t *src = d->inputs[0].dims;
    int64_t area = src[2] * src[3];
    for (int64_t plane = 0; plane < src[0] * src[1]; plane++) {

        for (int64_t i = 0; i < area; i++) {
            out[0][plane] += in[0][plane * area + i] / (double)area;
            scale[0][plane] += fabs(in[0][plane * area + i]) / (double)area;
        }
    }
}

static double terms(const shunt_op_desc *d)
{
    return (double)(d->inputs[0].dims[2] * d->inputs[0].dims[3]);
}

const verify_op verify_global_pool = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .linear = true,
};
