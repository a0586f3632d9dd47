/* accumulate.c - the row of ACCUMULATE. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *sum, char *reason)
{
    if (!infer_same_dims(&op->inputs[0], &op->inputs[1]))
        return infer_refuse(reason, "src does not have the shape of the sum");
    *sum = op->inputs[0];
    return infer_check_vector(op, 2, 2, "factors", reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return 3 * count_src(op);
}

const op_kind op_accumulate = {
    .name = "accumulate",
    .replaces = 1,
    .unshared = true,
    .infer = infer,
    .flops = flops,
};
