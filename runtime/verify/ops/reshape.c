/* reshape.c - how RESHAPE is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

/* Two neighbouring axes become one. */
static void draw(dice *d, shunt_op_desc *op)
{
    shunt_reshape_attr *a = &op->attr.reshape;
    shunt_tensor_desc src = dice_any_rank(d, 2), *dst = &op->outputs[0];
    int joined = (int)dice_between(d, 0, src.rank - 2);
    dice_input(op, src, 0);
    *dst = src;
    a->rank = dst->rank = src.rank - 1;
    for (int i = 0; i < dst->rank; i++) {
        dst->dims[i] = src.dims[i < joined ? i : i + 1] * (i == joined ? src.dims[joined] : 1);
        a->dims[i] = i < joined ? 0 : i == joined ? -1 : (int32_t)dst->dims[i];
    }
    dst->dims[dst->rank] = 0;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) out[0][i] = in[0][i];
}

const verify_op verify_reshape = {
    .draw = draw,
    .reference = reference,
};
