/* sum_squares.c - how SUM_SQUARES is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

static void draw(dice *d, shunt_op_desc *op)
{
    const shunt_tensor_desc weights =
        dice_one_in(d, 3) ? dice_tensor(1, dice_between(d, 1, 300000), 0, 0, 0) : dice_parameter(d);
    for (int i = 0; i < 2; i++) dice_input(op, weights, 0);
    op->outputs[0] = dice_tensor(1, 2, 0, 0, 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (uint64_t k = 0; k < 2; k++) {
        for (uint64_t i = 0; i < shunt_tensor_count(&d->inputs[0]); i++) out[0][k] += in[k][i] * in[k][i];
        scale[0][k] = out[0][k];
    }
}

static double terms(const shunt_op_desc *d)
{
    return (double)shunt_tensor_count(&d->inputs[0]);
}

const verify_op verify_sum_squares = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .nonfinite_input = 1,
};
