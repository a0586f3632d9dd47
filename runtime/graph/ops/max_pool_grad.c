/* max_pool_grad.c - the row of MAX_POOL_GRAD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/forward.h"
#include "runtime/graph/ops/infer.h"
#include "runtime/graph/ops/window.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *diff_src, char *reason)
{
    shunt_op_desc forward = forward_op(op, SHUNT_OP_MAX_POOL, &op->inputs[0]);
    return infer_same(op, diff_src, reason) && forward_check(&forward, &op->inputs[1], reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return count_times(shunt_tensor_count(&op->inputs[1]), window_size(op));
}

const op_kind op_max_pool_grad = {
    .name = "max_pool_grad",
    .attr_bytes = sizeof(shunt_pool_attr),
    .infer = infer,
    .flops = flops,
};
