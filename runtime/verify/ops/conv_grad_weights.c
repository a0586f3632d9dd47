/* conv_grad_weights.c - how CONV_GRAD_WEIGHTS is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/products.h"

static void draw(dice *d, shunt_op_desc *op)
{
    products_draw_grad_weights(d, SHUNT_OP_CONV, op);
}

static void add_to_weights(const products *all, int64_t x, int64_t y, int64_t z)
{
    naive_add(all->out, all->scale, 0, y, all->in[0][x] * all->in[1][z]);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const products all = {&d->attr.conv, d->inputs[0].dims, d->outputs[0].dims, d->inputs[1].dims, in, out, scale};
    each_product(&all, add_to_weights);
    const int64_t *dst = d->inputs[1].dims;
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->inputs[1]) && d->flags & SHUNT_FLAG_BIAS; i++)
        naive_add(out, scale, 1, i / (dst[2] * dst[3]) % dst[1], in[1][i]);
}

static double terms(const shunt_op_desc *d)
{
    const int64_t *diff_dst = d->inputs[1].dims;
    return (double)(diff_dst[0] * diff_dst[2] * diff_dst[3]);
}

const verify_op verify_conv_grad_weights = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .dst_inputs = 1u << 1,
    .makes_src = true,
};
