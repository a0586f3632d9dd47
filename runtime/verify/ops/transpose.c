/* transpose.c - how TRANSPOSE is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

#include <string.h>

static void draw(dice *d, shunt_op_desc *op)
{
    int32_t *axes = op->attr.transpose.axes;
    shunt_tensor_desc src = dice_any_rank(d, 1);
    dice_input(op, src, 0);
    op->outputs[0] = src;
    for (int i = 0; i < src.rank; i++) { /* each is put before some earlier one */
        int64_t at = dice_between(d, 0, i);
        memmove(axes + at + 1, axes + at, (size_t)(i - at) * sizeof *axes);
        axes[at] = i;
    }
    for (int i = 0; i < src.rank; i++) op->outputs[0].dims[i] = src.dims[axes[i]];
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    const shunt_tensor_desc *src = &d->inputs[0], *dst = &d->outputs[0];
    for (uint64_t i = 0; i < shunt_tensor_count(dst); i++) {
        uint64_t from = 0;
        for (uint32_t axis = 0; axis < dst->rank; axis++)
            from += i / naive_stride(dst, axis) % (uint64_t)dst->dims[axis] *
                    naive_stride(src, (uint32_t)d->attr.transpose.axes[axis]);
        out[0][i] = in[0][from];
    }
}

const verify_op verify_transpose = {
    .draw = draw,
    .reference = reference,
};
