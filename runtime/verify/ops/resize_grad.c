/* resize_grad.c - how RESIZE_GRAD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/resize.h"

#include <shunt/resize.h>

static void draw(dice *d, shunt_op_desc *op)
{
    dice_gradient_of(d, SHUNT_OP_RESIZE, op);
    if (shunt_resize_is_antialiased(&op->attr.resize)) op->attr.resize.filter = SHUNT_RESIZE_BILINEAR;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->inputs[0]); i++) {
        int64_t places[4];
        double weights[4];
        const int count = resize_places(&d->attr.resize, &d->outputs[0], &d->inputs[0], i, places, weights);
        for (int k = 0; k < count; k++) naive_add(out, scale, 0, places[k], weights[k] * in[0][i]);
    }
}

/* All of a plane, where src has one element. */
static double terms(const shunt_op_desc *d)
{
    return (double)d->inputs[0].dims[2] * (double)d->inputs[0].dims[3];
}

const verify_op verify_resize_grad = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .dst_inputs = 1u << 0,
    .spreads = true,
    .makes_src = true,
};
