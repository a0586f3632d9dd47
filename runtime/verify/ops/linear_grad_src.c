/* linear_grad_src.c - how LINEAR_GRAD_SRC is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_op_desc linear = dice_forward(d, SHUNT_OP_LINEAR, op);
    dice_input(op, linear.inputs[1], 0);
    dice_input(op, linear.outputs[0], 0);
    op->outputs[0] = linear.inputs[0];
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t N = d->inputs[1].dims[0], K = d->inputs[0].dims[0], C = d->inputs[0].dims[1];
    for (int64_t n = 0; n < N; n++)
        for (int64_t k = 0; k < K; k++)
            for (int64_t c = 0; c < C; c++) naive_add(out, scale, 0, n * C + c, in[1][n * K + k] * in[0][k * C + c]);
}

static double terms(const shunt_op_desc *d)
{
    return (double)d->inputs[0].dims[0];
}

const verify_op verify_linear_grad_src = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .nonfinite_input = 1,
    .makes_src = true,
};
