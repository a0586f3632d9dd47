/* accumulate.c - how ACCUMULATE is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_parameter(d);
    dice_input(op, op->outputs[0], 0);
    dice_input(op, op->outputs[0], 0);
    dice_input(op, dice_tensor(1, 2, 0, 0, 0), 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        const double before = in[2][0] == 0 ? 0 : in[2][0] * in[0][i], added = in[2][1] * in[1][i];
        out[0][i] = before + added;
        scale[0][i] = fabs(before) + fabs(added);
    }
}

/* The sum counts as it is, or not at all. */
static double element(const shunt_op_desc *desc, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)desc;
    (void)name;
    return input < 2 ? 2 * u - 1 : i == 0 ? (u < 0.5 ? 0 : 1) : u;
}

const verify_op verify_accumulate = {
    .draw = draw,
    .reference = reference,
    .element = element,
    .nonfinite_input = 1,
};
