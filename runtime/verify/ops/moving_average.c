/* moving_average.c - how MOVING_AVERAGE is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_parameter(d);
    dice_input(op, op->outputs[0], 0);
    dice_input(op, op->outputs[0], 0);
    op->attr.moving_average =
        (shunt_moving_average_attr){(float)dice_between(d, 0, 10) / 10, dice_one_in(d, 2) ? 1 : 1.25f};
    if (dice_one_in(d, 2)) return;
    op->flags = SHUNT_FLAG_SKIP;
    dice_input(op, dice_tensor(1, 1, 0, 0, 0), 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    double rate = (double)d->attr.moving_average.rate, factor = (double)d->attr.moving_average.scale;
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        out[0][i] = in[0][i] + rate * (factor * in[1][i] - in[0][i]);
        scale[0][i] = fabs(in[0][i]) + rate * (factor * fabs(in[1][i]) + fabs(in[0][i]));
        if (!(d->flags & SHUNT_FLAG_SKIP) || in[2][0] == 0) continue;
        out[0][i] = in[0][i];
        scale[0][i] = 0; /* exactly */
    }
}

/* Skip is 0 in half of the cases. */
static double element(const shunt_op_desc *desc, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)desc;
    (void)name;
    (void)i;
    return input == 2 ? (u < 0.5 ? 0 : 3) : 2 * u - 1;
}

const verify_op verify_moving_average = {
    .draw = draw,
    .reference = reference,
    .element = element,
    .nonfinite_input = 1,
};
