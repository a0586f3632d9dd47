/* focal_loss.c - how FOCAL_LOSS is drawn and computed. */
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
    dice_input(op, op->outputs[0], 0);
    dice_input(op, op->outputs[0], 0);
    op->attr.focal_loss.alpha = (float)dice_between(d, 0, 8) / 8;
    op->attr.focal_loss.gamma = dice_one_in(d, 2) ? 2 : (float)dice_between(d, 0, 12) / 4;
}

/* Errors grow with the logit, as that of exp() does; far out nothing is left of what they are errors of. */
static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const double alpha = (double)d->attr.focal_loss.alpha, gamma = (double)d->attr.focal_loss.gamma;
    const uint64_t inner = naive_stride(&d->inputs[0], 1), C = (uint64_t)d->inputs[0].dims[1];
    for (uint64_t i = 0; i < shunt_tensor_count(&d->inputs[0]); i++) {
        const uint64_t place = i / (C * inner) * inner + i % inner;
        const double weight = in[2][place], sign = (double)(i / inner % C) == in[1][place] ? 1 : -1;
        const double z = sign * in[0][i], share = sign > 0 ? alpha : 1 - alpha;
        const double logarithm = fmin(z, 0) - log1p(exp(-fabs(z))), other = 1 / (1 + exp(z));
        const double factor = share * pow(other, gamma), steepness = gamma * exp(logarithm) * logarithm - other;
        const double rough = fabs(weight) * (4 + gamma) * (2 + fmin(fabs(z), 200));
        out[0][place] += isnan(z) ? z : -weight * factor * logarithm;
        scale[0][place] += rough * factor * fabs(logarithm);
        out[1][i] = isnan(z) ? z : weight * sign * factor * steepness;
        scale[1][i] = rough * factor * fabs(steepness);
    }
}

/* Logits to where little is left of the loss; labels are class numbers, or -1. */
static double element(const shunt_op_desc *d, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)name, (void)i;
    if (input == 1) return floor(u * (double)(d->inputs[0].dims[1] + 1)) - 1;
    return input ? 0.5 + u : 16 * u - 8;
}

const verify_op verify_focal_loss = {
    .draw = draw,
    .reference = reference,
    .element = element,
    .spreads = true,
};
