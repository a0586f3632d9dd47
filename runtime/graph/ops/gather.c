/* gather.c - the row of GATHER. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_rows_attr *a = &op->attr.rows;
    const int64_t numbers = op->inputs[1].dims[0];
    if (!infer_check_rank(op, 1, 1, "index", reason)) return false;
    if (a->first < 0 || a->count < 1 || a->count > numbers - a->first)
        return infer_refuse(reason, "%d numbers from %d on, of %lld", a->count, a->first, (long long)numbers);
    infer_same(op, dst, reason);
    dst->dims[0] = a->count;
    return true;
}

const op_kind op_gather = {
    .name = "gather",
    .attr_bytes = sizeof(shunt_rows_attr),
    .infer = infer,
};
