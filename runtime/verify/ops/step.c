/* step.c - how STEP is drawn and computed. */
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/ops.h"

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_activation(d);
    dice_input(op, op->outputs[0], 0);
}

/* Every seventh element is exactly 1/2. */
static double element(const shunt_op_desc *d, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)d, (void)name, (void)input;
    return i % 7 == 3 ? 0.5 : 2 * u - 0.5;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) out[0][i] = in[0][i] > 0.5 ? 1 : 0;
}

const verify_op verify_step = {
    .draw = draw,
    .reference = reference,
    .element = element,
};
