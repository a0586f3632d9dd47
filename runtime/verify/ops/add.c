/* add.c - how ADD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

/* Two inputs of rank 1 to 6 whose axes are alike, or 1 in one of them. */
static void draw_broadcast(dice *d, shunt_op_desc *op)
{
    shunt_tensor_desc a = {.dtype = SHUNT_F32, .rank = (uint8_t)dice_between(d, 1, 6), .block = SHUNT_PLAIN}, b = a,
                      dst = a;
    for (int i = 0; i < a.rank; i++) {
        int64_t which = dice_between(d, 0, 3);
        dst.dims[i] = dice_between(d, 1, 6);
        a.dims[i] = which == 1 ? 1 : dst.dims[i];
        b.dims[i] = which == 2 ? 1 : dst.dims[i];
    }
    op->flags = SHUNT_FLAG_BROADCAST | (dice_one_in(d, 2) ? SHUNT_FLAG_RELU : 0);
    dice_input(op, a, 0);
    dice_input(op, b, 0);
    op->outputs[0] = dst;
}

static void draw(dice *d, shunt_op_desc *op)
{
    if (dice_one_in(d, 3)) {
        draw_broadcast(d, op);
        return;
    }
    op->outputs[0] = dice_activation(d);
    for (int i = 0; i < 2; i++) dice_input(op, op->outputs[0], 0);
    if (dice_one_in(d, 2)) op->flags = SHUNT_FLAG_RELU;
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
