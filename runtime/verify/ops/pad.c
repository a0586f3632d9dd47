/* pad.c - how PAD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_pad_attr *a = &op->attr.pad;
    shunt_tensor_desc src = dice_any_rank(d, 1), dst = src;
    a->mode = (int32_t)dice_between(d, SHUNT_PAD_CONSTANT, SHUNT_PAD_EDGE);
    if (a->mode == SHUNT_PAD_CONSTANT) a->value = 0.5f;
    for (int i = 0; i < src.rank; i++) {
        int64_t size = src.dims[i], most = a->mode == SHUNT_PAD_REFLECT ? size - 1 : 3;
        a->before[i] = (int32_t)dice_between(d, dice_one_in(d, 4) ? -(size - 1) / 2 : 0, most);
        a->after[i] = (int32_t)dice_between(d, dice_one_in(d, 4) ? -(size - 1) / 2 : 0, most);
        dst.dims[i] += a->before[i] + a->after[i];
    }
    dice_input(op, src, 0);
    op->outputs[0] = dst;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    const shunt_pad_attr *a = &d->attr.pad;
    const shunt_tensor_desc *src = &d->inputs[0], *dst = &d->outputs[0];
    for (uint64_t i = 0; i < shunt_tensor_count(dst); i++) {
        uint64_t from = 0;
        bool outside = false;
        for (uint32_t axis = 0; axis < dst->rank; axis++) {
            int64_t size = src->dims[axis],
                    at = (int64_t)(i / naive_stride(dst, axis)) % dst->dims[axis] - a->before[axis];
            if (a->mode == SHUNT_PAD_CONSTANT) outside |= at < 0 || at >= size;
            if (a->mode == SHUNT_PAD_REFLECT) at = at < 0 ? -at : at >= size ? 2 * size - 2 - at : at;
            if (at < 0) at = 0;
            if (at >= size) at = size - 1;
            from += (uint64_t)at * naive_stride(src, axis);
        }
        out[0][i] = outside ? (double)a->value : in[0][from];
    }
}

const verify_op verify_pad = {
    .draw = draw,
    .reference = reference,
};
