/* batch_norm_train.c - how BATCH_NORM_TRAIN is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/channel.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    const shunt_op_desc norm = dice_forward(d, SHUNT_OP_BATCH_NORM, op);
    op->flags = norm.flags;
    for (uint32_t i = 0; i < 3; i++) dice_input(op, norm.inputs[i], 0);
    if (norm.flags & SHUNT_FLAG_RESIDUAL) dice_input(op, norm.inputs[5], 0);
    op->noutputs = 3;
    op->outputs[0] = norm.outputs[0];
    op->outputs[1] = op->outputs[2] = norm.inputs[1];
}

/* The error of the variance comes back in dst: by what the deviation's is, relative to it. */
static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (int64_t c = 0; c < d->inputs[0].dims[1]; c++) {
        const channel k = channel_at(&d->inputs[0], c);
        const double m = (double)k.m;
        for (int64_t i = 0; i < k.m; i++) naive_add(out, scale, 1, c, in[0][channel_place(&k, i)] / m);
        for (int64_t i = 0; i < k.m; i++) {
            const double x = in[0][channel_place(&k, i)], size = fabs(x) + fabs(out[1][c]);
            out[2][c] += (x - out[1][c]) * (x - out[1][c]) / m;
            scale[2][c] += size * size / m;
        }
        const double square = out[2][c] + (double)d->attr.batch_norm.epsilon, deviation = sqrt(square);
        for (int64_t i = 0; i < k.m; i++) {
            const int64_t at = channel_place(&k, i);
            const double apart = in[0][at] - out[1][c], residual = d->flags & SHUNT_FLAG_RESIDUAL ? in[3][at] : 0;
            out[0][at] = naive_relu(d, apart / deviation * in[1][c] + in[2][c] + residual);
            scale[0][at] = (fabs(in[0][at]) + scale[1][c] + fabs(apart) * scale[2][c] / (2 * square)) / deviation *
                               fabs(in[1][c]) +
                           fabs(in[2][c]) + fabs(residual);
        }
    }
}

static double terms(const shunt_op_desc *d)
{
    return (double)shunt_tensor_count(&d->inputs[0]) / (double)d->inputs[0].dims[1];
}

const verify_op verify_batch_norm_train = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .spreads = true,
};
