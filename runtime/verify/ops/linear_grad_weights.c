/* linear_grad_weights.c - how LINEAR_GRAD_WEIGHTS is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/products.h"

static void draw(dice *d, shunt_op_desc *op)
{
    products_draw_grad_weights(d, SHUNT_OP_LINEAR, op);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t N = d->inputs[0].dims[0], K = d->inputs[1].dims[1], C = d->inputs[0].dims[1];
    for (int64_t n = 0; n < N; n++) {
        for (int64_t k = 0; k < K; k++) {
            for (int64_t c = 0; c < C; c++) naive_add(out, scale, 0, k * C + c, in[1][n * K + k] * in[0][n * C + c]);
            if (d->flags & SHUNT_FLAG_BIAS) naive_add(out, scale, 1, k, in[1][n * K + k]);
        }
    }
}

static double terms(const shunt_op_desc *d)
{
    return (double)d->inputs[0].dims[0];
}

const verify_op verify_linear_grad_weights = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .makes_src = true,
};
