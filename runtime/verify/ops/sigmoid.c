/* sigmoid.c - how SIGMOID is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_activation(d);
    dice_input(op, op->outputs[0], 0);
}

/* Every second element where the curve is steep, the others up to where exp() overflows a float. */
static double element(const shunt_op_desc *d, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)d, (void)name, (void)input;
    return (i % 2 ? 4 : 128) * (2 * u - 1);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++)
        scale[0][i] = out[0][i] = 1 / (1 + exp(-in[0][i]));
}

const verify_op verify_sigmoid = {
    .draw = draw,
    .reference = reference,
    .element = element,
};
