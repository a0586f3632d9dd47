/* shrink.c - how SHRINK is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    const shunt_tensor_desc vector = dice_tensor(1, dice_between(d, 1, dice_one_in(d, 4) ? 700 : 70), 0, 0, 0);
    op->noutputs = 2;
    for (int i = 0; i < 2; i++) {
        dice_input(op, vector, 0);
        op->outputs[i] = vector;
    }
    dice_input(op, dice_tensor(1, 1, 0, 0, 0), 0);
    if (dice_one_in(d, 2)) return;
    op->flags = SHUNT_FLAG_SKIP;
    dice_input(op, dice_tensor(1, 1, 0, 0, 0), 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const uint64_t count = shunt_tensor_count(&d->inputs[0]);
    const bool skip = d->flags & SHUNT_FLAG_SKIP && in[3][0] != 0;
    double squares = 0;
    for (uint64_t i = 0; i < count; i++) squares += in[0][i] * in[0][i] + in[1][i] * in[1][i];
    const double r = sqrt(squares / (double)(2 * count)), threshold = in[2][0];
    for (int o = 0; o < 2; o++)
        for (uint64_t i = 0; i < count; i++) {
            out[o][i] = skip ? in[o][i] : r <= threshold ? 0 : in[o][i] * (1 - threshold / r);
            scale[o][i] = skip ? 0 : 4 * fabs(in[o][i]); /* of the root, the quotient, the difference, the product */
        }
}

/* Of uniform elements r is about 0.6, so that four in ten groups become 0. Skip is 0 in half of the cases. */
static double element(const shunt_op_desc *desc, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)desc;
    (void)name;
    (void)i;
    return input == 3 ? (u < 0.5 ? 0 : 3) : input == 2 ? u : 2 * u - 1;
}

static double terms(const shunt_op_desc *d)
{
    return 2 * (double)shunt_tensor_count(&d->inputs[0]);
}

const verify_op verify_shrink = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .element = element,
};
