/* batch_norm.c - how BATCH_NORM is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_activation(d);
    dice_input(op, op->outputs[0], 0);
    if (dice_one_in(d, 2)) op->flags = SHUNT_FLAG_RELU;
    for (int i = 0; i < 4; i++) dice_input(op, dice_tensor(1, op->outputs[0].dims[1], 0, 0, 0), 1);
    op->attr.batch_norm.epsilon = dice_one_in(d, 2) ? 1e-5f : 1e-3f;
    if (!dice_one_in(d, 2)) return;
    op->flags |= SHUNT_FLAG_RESIDUAL;
    dice_input(op, op->outputs[0], 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t count = (int64_t)shunt_tensor_count(&d->inputs[0]), C = d->inputs[0].dims[1];
    int64_t area = count / (d->inputs[0].dims[0] * C);
    for (int64_t i = 0; i < count; i++) {
        int64_t c = i / area % C;
        double deviation = sqrt(in[4][c] + (double)d->attr.batch_norm.epsilon);
        double residual = d->flags & SHUNT_FLAG_RESIDUAL ? in[5][i] : 0;
        out[0][i] = naive_relu(d, (in[0][i] - in[3][c]) / deviation * in[1][c] + in[2][c] + residual);
        scale[0][i] = (fabs(in[0][i]) + fabs(in[3][c])) / deviation * fabs(in[1][c]) + fabs(in[2][c]) + fabs(residual);
    }
}

const verify_op verify_batch_norm = {
    .draw = draw,
    .reference = reference,
};
