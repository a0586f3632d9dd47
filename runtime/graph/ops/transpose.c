/* transpose.c - the row of TRANSPOSE. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    uint32_t seen = 0;
    infer_same(op, dst, reason);
    for (uint32_t i = 0; i < dst->rank; i++) {
        int32_t axis = op->attr.transpose.axes[i];
        if (axis < 0 || axis >= dst->rank || seen >> axis & 1)
            return infer_refuse(reason, "axis %d is not valid in a permutation of %d", axis, dst->rank);
        seen |= 1u << axis;
        dst->dims[i] = op->inputs[0].dims[axis];
    }
    return true;
}

const op_kind op_transpose = {
    .name = "transpose",
    .attr_bytes = sizeof(shunt_transpose_attr),
    .infer = infer,
};
