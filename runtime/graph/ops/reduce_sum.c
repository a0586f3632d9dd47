/* reduce_sum.c - the row of REDUCE_SUM. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const uint32_t axes = op->attr.reduce.axes;
    if (axes >> op->inputs[0].rank)
        return infer_refuse(reason, "axes 0x%x of a src of rank %d", axes, op->inputs[0].rank);
    infer_same(op, dst, reason);
    for (uint32_t i = 0; i < dst->rank; i++)
        if (axes >> i & 1) dst->dims[i] = 1;
    return true;
}

const op_kind op_reduce_sum = {
    .name = "reduce_sum",
    .attr_bytes = sizeof(shunt_reduce_attr),
    .infer = infer,
    .flops = count_src,
};
