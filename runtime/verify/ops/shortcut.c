/* shortcut.c - how SHORTCUT is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    int64_t N = dice_between(d, 1, 3), C = dice_between(d, 1, 20), H = dice_between(d, 1, 15),
            W = dice_between(d, 1, 15);
    int64_t stride = dice_between(d, 1, 3), lead = dice_between(d, 0, 20), after = dice_between(d, 0, 20);
    op->attr.shortcut = (shunt_shortcut_attr){.stride = (int32_t)stride, .lead = (int32_t)lead};
    dice_input(op, dice_tensor(4, N, C, H, W), 0);
    op->outputs[0] = dice_tensor(4, N, lead + C + after, (H - 1) / stride + 1, (W - 1) / stride + 1);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const shunt_tensor_desc *src = &d->inputs[0];
    const int64_t *dst = d->outputs[0].dims;
    int64_t stride = d->attr.shortcut.stride, i = 0;
    (void)scale; /* exact */
    for (int64_t n = 0; n < dst[0]; n++) {
        for (int64_t k = 0; k < dst[1]; k++) {
            for (int64_t p = 0; p < dst[2]; p++) {
                for (int64_t q = 0; q < dst[3]; q++, i++) {
                    int64_t c = k - d->attr.shortcut.lead;
                    out[0][i] =
                        c >= 0 && c < src->dims[1] ? naive_at(src, in[0], n, c, p * stride, q * stride, NAN) : 0;
                }
            }
        }
    }
}

const verify_op verify_shortcut = {
    .draw = draw,
    .reference = reference,
};
