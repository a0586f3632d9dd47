/* batch_statistics.c - the row of BATCH_STATISTICS. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (op->inputs[0].rank < 2) return infer_refuse(reason, "src has rank %d, not 2 or more", op->inputs[0].rank);
    outputs[0] = outputs[1] = infer_plain(1, op->inputs[0].dims[1], 0, 0, 0);
    return true;
}

static uint64_t flops(const shunt_op_desc *op)
{
    return 4 * count_src(op); /* the sum; difference, square and sum */
}

/* Its gradient is part of BATCH_NORM's. */
const op_kind op_batch_statistics = {
    .name = "batch_statistics",
    .exchange = OP_EXCHANGE_STATISTICS,
    .infer = infer,
    .flops = flops,
};
