/* conv_grad_src.c - how CONV_GRAD_SRC is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/products.h"

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_op_desc conv = dice_forward(d, SHUNT_OP_CONV, op);
    op->flags = (dice_one_in(d, 2) ? SHUNT_FLAG_RESIDUAL : 0) | (dice_one_in(d, 2) ? SHUNT_FLAG_RELU : 0);
    op->outputs[0] = conv.inputs[0];
    dice_input(op, conv.inputs[1], 0);
    dice_input(op, conv.outputs[0], 0);
    if (op->flags & SHUNT_FLAG_RESIDUAL) dice_input(op, op->outputs[0], 0);
    if (op->flags & SHUNT_FLAG_RELU) dice_input(op, op->outputs[0], 0);
}

static void add_to_src(const products *all, int64_t x, int64_t y, int64_t z)
{
    naive_add(all->out, all->scale, 0, x, all->in[0][y] * all->in[1][z]);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const products all = {&d->attr.conv, d->outputs[0].dims, d->inputs[0].dims, d->inputs[1].dims, in, out, scale};
    each_product(&all, add_to_src);
    const double *residual = d->flags & SHUNT_FLAG_RESIDUAL ? in[2] : NULL;
    const double *mask = d->flags & SHUNT_FLAG_RELU ? in[d->ninputs - 1] : NULL;
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        if (residual) naive_add(out, scale, 0, (int64_t)i, residual[i]);
        if (mask && !(mask[i] > 0)) out[0][i] = 0;
    }
}

static double terms(const shunt_op_desc *d)
{
    const int64_t *weights = d->inputs[0].dims;
    return (double)(weights[0] * weights[2] * weights[3]);
}

const verify_op verify_conv_grad_src = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .dst_inputs = 1u << 1,
    .nonfinite_input = 1,
    .makes_src = true,
};
