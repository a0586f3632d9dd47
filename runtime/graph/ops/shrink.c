/* shrink.c - the row of SHRINK. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (!infer_same_dims(&op->inputs[1], &op->inputs[0]))
        return infer_refuse(reason, "the shift does not have the shape of the scale");
    outputs[0] = op->inputs[0];
    outputs[1] = op->inputs[1];
    return infer_check_vector(op, 2, 1, "threshold", reason) && infer_check_number(op, SHUNT_FLAG_SKIP, "skip", reason);
}

/* A square, its addition and a product for each element of both. */
static uint64_t flops(const shunt_op_desc *op)
{
    return 6 * count_src(op);
}

const op_kind op_shrink = {
    .name = "shrink",
    .replaces = 2,
    .follows = true,
    .infer = infer,
    .flops = flops,
};
