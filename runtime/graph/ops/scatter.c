/* scatter.c - the row of SCATTER. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_tensor_desc *rows = &op->inputs[1];
    const int64_t first = op->attr.rows.first, numbers = op->inputs[2].dims[0];
    shunt_tensor_desc like = op->inputs[0];
    like.dims[0] = rows->dims[0];
    if (!infer_same_dims(rows, &like)) return infer_refuse(reason, "the rows do not have the shape of src's");
    if (!infer_check_rank(op, 2, 1, "index", reason)) return false;
    if (first < 0 || rows->dims[0] > numbers - first)
        return infer_refuse(reason, "%lld numbers from %lld on, of %lld", (long long)rows->dims[0], (long long)first,
                            (long long)numbers);
    return infer_same(op, dst, reason);
}

const op_kind op_scatter = {
    .name = "scatter",
    .overwrites = true,
    .attr_bytes = sizeof(shunt_rows_attr),
    .infer = infer,
};
