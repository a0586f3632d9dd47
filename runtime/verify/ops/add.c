/* add.c - how ADD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/pair.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    if (dice_one_in(d, 2)) op->flags = SHUNT_FLAG_RELU;
    pair_draw(d, op);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        double a = in[0][naive_repeated(&d->inputs[0], &d->outputs[0], i)];
        double b = in[1][naive_repeated(&d->inputs[1], &d->outputs[0], i)];
        out[0][i] = naive_relu(d, a + b);
        scale[0][i] = fabs(a) + fabs(b);
    }
}

const verify_op verify_add = {
    .draw = draw,
    .reference = reference,
    .linear = true,
};
