/* count_nonfinite.c - how COUNT_NONFINITE is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    dice_input(op, dice_one_in(d, 3) ? dice_tensor(1, dice_between(d, 1, 300000), 0, 0, 0) : dice_parameter(d), 0);
    op->outputs[0] = dice_tensor(1, 1, 0, 0, 0);
    if (dice_one_in(d, 2)) return;
    op->flags = SHUNT_FLAG_RESIDUAL;
    dice_input(op, op->outputs[0], 0);
}

/* Of src one in a hundred is not finite, in half of the cases; all sizes that are finite occur. The residual is a count. */
static double element(const shunt_op_desc *desc, const char *name, uint32_t input, uint64_t i, double u)
{
    static const double special[] = {NAN, INFINITY, -INFINITY, 3.4028234663852886e38, -3.4028234663852886e38, 0};
    if (input > 0) return floor(100 * u);
    const bool some = dice_input_key(name, 99) % 2;
    (void)desc;
    return some && u < 0.02 ? special[(size_t)(u * 300)] : ldexp(2 * u - 1, (int)(i % 256) - 128);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    for (uint64_t i = 0; i < shunt_tensor_count(&d->inputs[0]); i++) out[0][0] += !isfinite(in[0][i]);
    if (d->flags & SHUNT_FLAG_RESIDUAL) out[0][0] += in[1][0];
}

const verify_op verify_count_nonfinite = {
    .draw = draw,
    .reference = reference,
    .element = element,
};
