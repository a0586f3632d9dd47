/* shortcut_grad.c - how SHORTCUT_GRAD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

static void draw(dice *d, shunt_op_desc *op)
{
    dice_gradient_of(d, SHUNT_OP_SHORTCUT, op);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const int64_t *src = d->outputs[0].dims, *dst = d->inputs[0].dims;
    int64_t stride = d->attr.shortcut.stride, lead = d->attr.shortcut.lead;
    (void)scale; /* exact */
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->inputs[0]); i++) {
        int64_t q = i % dst[3], p = i / dst[3] % dst[2], c = i / (dst[3] * dst[2]) % dst[1] - lead;
        int64_t n = i / (dst[3] * dst[2] * dst[1]);
        if (c < 0 || c >= src[1]) continue;
        out[0][((n * src[1] + c) * src[2] + p * stride) * src[3] + q * stride] = in[0][i];
    }
}

const verify_op verify_shortcut_grad = {
    .draw = draw,
    .reference = reference,
    .dst_inputs = 1u << 0,
    .makes_src = true,
};
