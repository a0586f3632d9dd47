/* sigmoid_grad.c - how SIGMOID_GRAD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_forward(d, SHUNT_OP_SIGMOID, op).outputs[0];
    dice_input(op, op->outputs[0], 0);
    dice_input(op, op->outputs[0], 0);
}

/* dst lies between 0 and 1. */
static double element(const shunt_op_desc *d, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)d, (void)name, (void)i;
    return input ? 2 * u - 1 : u;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        double dst = in[0][i], diff_dst = in[1][i];
        out[0][i] = diff_dst * dst * (1 - dst);
        scale[0][i] = fabs(diff_dst * dst) * (1 + fabs(dst));
    }
}

const verify_op verify_sigmoid_grad = {
    .draw = draw,
    .reference = reference,
    .element = element,
    .nonfinite_input = 1,
    .makes_src = true,
};
