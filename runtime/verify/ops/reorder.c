/* reorder.c - how REORDER is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] =
        dice_tensor(4, dice_between(d, 1, 3), dice_between(d, 1, 40), dice_between(d, 1, 13), dice_between(d, 1, 13));
    dice_input(op, op->outputs[0], 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) out[0][i] = in[0][i];
}

const verify_op verify_reorder = {
    .draw = draw,
    .reference = reference,
};
