/* concat.c - the row of CONCAT. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_tensor_desc *a = &op->inputs[0], *b = &op->inputs[1];
    int32_t axis = op->attr.concat.axis;
    if (a->rank != b->rank) return infer_refuse(reason, "the two inputs have ranks %d and %d", a->rank, b->rank);
    if (axis < 0 || axis >= a->rank) return infer_refuse(reason, "axis %d of a rank of %d", axis, a->rank);
    infer_same(op, dst, reason);
    for (int i = 0; i < a->rank; i++) {
        if (i == axis)
            dst->dims[i] += b->dims[i];
        else if (a->dims[i] != b->dims[i])
            return infer_refuse(reason, "axis %d has %lld and %lld elements", i, (long long)a->dims[i],
                                (long long)b->dims[i]);
    }
    return true;
}

const op_kind op_concat = {
    .name = "concat",
    .attr_bytes = sizeof(shunt_concat_attr),
    .infer = infer,
};
