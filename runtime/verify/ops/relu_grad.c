/* relu_grad.c - how RELU_GRAD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_forward(d, SHUNT_OP_RELU, op).outputs[0];
    dice_input(op, op->outputs[0], 0);
    dice_input(op, op->outputs[0], 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) out[0][i] = in[0][i] > 0 ? in[1][i] : 0;
}

const verify_op verify_relu_grad = {
    .draw = draw,
    .reference = reference,
    .nonfinite_input = 1,
    .makes_src = true,
};
