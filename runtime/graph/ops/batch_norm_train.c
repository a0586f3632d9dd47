/* batch_norm_train.c - the row of BATCH_NORM_TRAIN. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

#include <math.h>

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    static const char *const names[] = {"src", "scale", "shift"};
    if (op->inputs[0].rank < 2) return infer_refuse(reason, "src has rank %d, not 2 or more", op->inputs[0].rank);
    for (uint32_t i = 1; i < 3; i++)
        if (!infer_check_vector(op, i, op->inputs[0].dims[1], names[i], reason)) return false;
    const float epsilon = op->attr.batch_norm.epsilon;
    if (!isfinite(epsilon) || epsilon < 0) return infer_refuse(reason, "epsilon is %g", (double)epsilon);
    if (op->flags & SHUNT_FLAG_RESIDUAL && !infer_same_dims(&op->inputs[3], &op->inputs[0]))
        return infer_refuse(reason, "the residual does not have the shape of dst");
    outputs[1] = outputs[2] = op->inputs[1];
    return infer_same(op, &outputs[0], reason);
}

/* Of BATCH_STATISTICS and of BATCH_NORM. */
static uint64_t flops(const shunt_op_desc *op)
{
    return 4 * count_src(op) + 2 * count_dst(op) + count_relu(op);
}

/* Made from the two (fuse.c) when gradients are in the graph already. */
const op_kind op_batch_norm_train = {
    .name = "batch_norm_train",
    .attr_bytes = sizeof(shunt_batch_norm_attr),
    .infer = infer,
    .flops = flops,
};
