/* cross_entropy.c - the row of CROSS_ENTROPY. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    const int64_t *logits = op->inputs[0].dims;
    if (!infer_check_rank(op, 0, 2, "logits", reason) || !infer_check_vector(op, 1, logits[0], "labels", reason))
        return false;
    outputs[0] = op->inputs[1];
    outputs[1] = op->inputs[0];
    return infer_check_fraction(op->attr.cross_entropy.smoothing, "smoothing", reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return 6 * count_src(op); /* softmax, and the difference by N */
}

const op_kind op_cross_entropy = {
    .name = "cross_entropy",
    .attr_bytes = sizeof(shunt_cross_entropy_attr),
    .infer = infer,
    .flops = flops,
};
