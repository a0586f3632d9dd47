/* sum_squares.c - the row of SUM_SQUARES. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    *dst = infer_plain(1, 2, 0, 0, 0);
    return infer_same_dims(&op->inputs[1], &op->inputs[0]) ||
           infer_refuse(reason, "the gradient does not have the shape of the weights");
}

static uint64_t flops(const shunt_op_desc *op)
{
    return 4 * count_src(op);
}

const op_kind op_sum_squares = {
    .name = "sum_squares",
    .exchange = OP_EXCHANGE_TOTAL,
    .infer = infer,
    .flops = flops,
};
