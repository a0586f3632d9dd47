/* batch_statistics.c - how BATCH_STATISTICS is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/channel.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_op_desc norm = dice_forward(d, SHUNT_OP_BATCH_NORM, op);
    op->attr = (shunt_op_attr){0};
    dice_input(op, norm.inputs[0], 0);
    op->noutputs = 2;
    op->outputs[0] = op->outputs[1] = norm.inputs[1];
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (int64_t c = 0; c < d->inputs[0].dims[1]; c++) {
        channel k = channel_at(&d->inputs[0], c);
        for (int64_t i = 0; i < k.m; i++) naive_add(out, scale, 0, c, in[0][channel_place(&k, i)] / (double)k.m);
        for (int64_t i = 0; i < k.m; i++) {
            double x = in[0][channel_place(&k, i)], mean = out[0][c];
            out[1][c] += (x - mean) * (x - mean) / (double)k.m;
            scale[1][c] += (fabs(x) + fabs(mean)) * (fabs(x) + fabs(mean)) / (double)k.m;
        }
    }
}

static double terms(const shunt_op_desc *d)
{
    return (double)shunt_tensor_count(&d->inputs[0]) / (double)d->inputs[0].dims[1];
}

const verify_op verify_batch_statistics = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
};
