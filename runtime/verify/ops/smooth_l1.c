/* smooth_l1.c - how SMOOTH_L1 is drawn and computed. */
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/ops.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[1] = dice_any_rank(d, 2);
    op->outputs[0] = op->outputs[1];
    op->outputs[0].dims[1] = 1;
    op->noutputs = 2;
    dice_input(op, op->outputs[1], 0);
    dice_input(op, op->outputs[1], 0);
    dice_input(op, op->outputs[0], 0);
    op->attr.smooth_l1.beta = dice_one_in(d, 2) ? 0 : (float)dice_between(d, 1, 8) / 8;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const double beta = (double)d->attr.smooth_l1.beta;
    const uint64_t inner = naive_stride(&d->inputs[0], 1), C = (uint64_t)d->inputs[0].dims[1];
    for (uint64_t i = 0; i < shunt_tensor_count(&d->inputs[0]); i++) {
        const uint64_t place = i / (C * inner) * inner + i % inner;
        const double off = in[0][i] - in[1][i], size = fabs(off), weight = in[2][place];
        const double rounded = fabs(in[0][i]) + fabs(in[1][i]); /* what the difference's error is proportional to */
        const double slope = size < beta ? off / beta : off > 0 ? 1 : off < 0 ? -1 : off;
        out[0][place] += weight * (size < beta ? off * off / (2 * beta) : size - beta / 2);
        scale[0][place] += fabs(weight) * (2 * rounded + beta);
        out[1][i] = weight * slope;
        scale[1][i] = fabs(weight) * (1 + (beta > 0 ? rounded / beta : 0));
    }
}

const verify_op verify_smooth_l1 = {
    .draw = draw,
    .reference = reference,
    .spreads = true,
};
