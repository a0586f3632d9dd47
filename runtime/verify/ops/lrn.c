/* lrn.c - how LRN is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_one_in(d, 4) ? dice_any_rank(d, 2) : dice_activation(d);
    dice_input(op, op->outputs[0], 0);
    op->attr.lrn = (shunt_lrn_attr){.size = (int32_t)dice_between(d, 1, dice_one_in(d, 4) ? 90 : 7),
                                    .alpha = dice_one_in(d, 2) ? 1e-4f : 2,
                                    .beta = dice_one_in(d, 2) ? 0.75f : 1.5f,
                                    .bias = dice_one_in(d, 2) ? 1 : 0.5f};
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const shunt_lrn_attr *a = &d->attr.lrn;
    const int64_t C = d->inputs[0].dims[1], area = (int64_t)naive_stride(&d->inputs[0], 1);
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->inputs[0]); i++) {
        const int64_t c = i / area % C;
        double sum = 0;
        for (int64_t k = c - (a->size - 1) / 2; k <= c + a->size / 2; k++)
            if (k >= 0 && k < C) sum += in[0][i + (k - c) * area] * in[0][i + (k - c) * area];
        out[0][i] = in[0][i] / pow((double)a->bias + (double)a->alpha / a->size * sum, (double)a->beta);
        scale[0][i] =
            (2 + (double)a->beta) * fabs(out[0][i]); /* of the division and the power; of the sum, through the power */
    }
}

static double terms(const shunt_op_desc *d)
{
    return d->attr.lrn.size;
}

const verify_op verify_lrn = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
};
