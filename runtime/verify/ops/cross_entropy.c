/* cross_entropy.c - how CROSS_ENTROPY is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[1] = dice_forward(d, SHUNT_OP_SOFTMAX, op).inputs[0];
    op->outputs[0] = dice_tensor(1, op->outputs[1].dims[0], 0, 0, 0);
    op->noutputs = 2;
    dice_input(op, op->outputs[1], 0);
    dice_input(op, op->outputs[0], 0);
    op->attr.cross_entropy.smoothing = dice_one_in(d, 2) ? 0 : (float)dice_between(d, 1, 10) / 10;
}

/* Errors as softmax's: that of the argument of exp() grows with its size. */
static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t N = d->inputs[0].dims[0], C = d->inputs[0].dims[1];
    double smoothing = (double)d->attr.cross_entropy.smoothing;
    for (int64_t n = 0; n < N; n++) {
        const double *x = in[0] + n * C;
        double most, sum = naive_exp_sum(x, C, &most);
        for (int64_t c = 0; c < C; c++) {
            double t = (c == (int64_t)in[1][n] ? 1 - smoothing : 0) + smoothing / (double)C;
            double share = exp(x[c] - most) / sum;
            if (t > 0 || isnan(sum)) out[0][n] -= t * (x[c] - most - log(sum));
            scale[0][n] += t > 0 ? t * (most - x[c] + log(sum) + 1) : 0;
            out[1][n * C + c] = (share - t) / (double)N;
            scale[1][n * C + c] = ((share > 0 ? share * (3 + most - x[c]) : 0) + t) / (double)N;
        }
    }
}

/* Labels are class numbers. */
static double element(const shunt_op_desc *desc, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)name;
    (void)i;
    return input == 1 ? floor(u * (double)desc->inputs[0].dims[1]) : 2 * u - 1;
}

const verify_op verify_cross_entropy = {
    .draw = draw,
    .reference = reference,
    .element = element,
    .spreads = true,
};
