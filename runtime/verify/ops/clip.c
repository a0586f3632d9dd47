/* clip.c - how CLIP is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_activation(d);
    dice_input(op, op->outputs[0], 0);
    op->attr.clip = (shunt_clip_attr){.low = -0.5f, .high = dice_one_in(d, 2) ? 0.25f : 6};
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    double low = (double)d->attr.clip.low, high = (double)d->attr.clip.high;
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++)
        out[0][i] = isnan(in[0][i]) ? in[0][i] : fmin(fmax(in[0][i], low), high);
}

const verify_op verify_clip = {
    .draw = draw,
    .reference = reference,
};
