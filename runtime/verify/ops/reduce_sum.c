/* reduce_sum.c - how REDUCE_SUM is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_tensor_desc src = dice_one_in(d, 2) ? dice_activation(d) : dice_any_rank(d, 1), dst = src;
    for (int i = 0; i < src.rank; i++) {
        if (dice_one_in(d, 2)) continue;
        op->attr.reduce.axes |= 1u << i;
        dst.dims[i] = 1;
    }
    dice_input(op, src, 0);
    op->outputs[0] = dst;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (uint64_t i = 0; i < shunt_tensor_count(&d->inputs[0]); i++)
        naive_add(out, scale, 0, (int64_t)naive_repeated(&d->outputs[0], &d->inputs[0], i), in[0][i]);
}

static double terms(const shunt_op_desc *d)
{
    return (double)(shunt_tensor_count(&d->inputs[0]) / shunt_tensor_count(&d->outputs[0]));
}

const verify_op verify_reduce_sum = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .linear = true,
};
