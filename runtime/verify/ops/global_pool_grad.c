/* global_pool_grad.c - how GLOBAL_POOL_GRAD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

static void draw(dice *d, shunt_op_desc *op)
{
    dice_gradient_of(d, SHUNT_OP_GLOBAL_POOL, op);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t area = d->outputs[0].dims[2] * d->outputs[0].dims[3];
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->outputs[0]); i++)
        naive_add(out, scale, 0, i, in[0][i / area] / (double)area);
}

const verify_op verify_global_pool_grad = {
    .draw = draw,
    .reference = reference,
    .makes_src = true,
};
