/* concat.c - how CONCAT is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_tensor_desc a = dice_any_rank(d, 1), b = a;
    int axis = op->attr.concat.axis = (int32_t)dice_between(d, 0, a.rank - 1);
    b.dims[axis] = dice_between(d, 1, 9);
    dice_input(op, a, 0);
    dice_input(op, b, 0);
    op->outputs[0] = a;
    op->outputs[0].dims[axis] += b.dims[axis];
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    uint32_t axis = (uint32_t)d->attr.concat.axis;
    uint64_t inner = naive_stride(&d->outputs[0], axis), both = (uint64_t)d->outputs[0].dims[axis];
    uint64_t first = (uint64_t)d->inputs[0].dims[axis], second = both - first;
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        uint64_t outer = i / inner / both, at = i / inner % both, rest = i % inner;
        out[0][i] = at < first ? in[0][(outer * first + at) * inner + rest]
                               : in[1][(outer * second + at - first) * inner + rest];
    }
}

const verify_op verify_concat = {
    .draw = draw,
    .reference = reference,
};
