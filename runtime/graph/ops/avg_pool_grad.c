/* avg_pool_grad.c - the row of AVG_POOL_GRAD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/forward.h"
#include "runtime/graph/ops/window.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *diff_src, char *reason)
{
    return forward_infer_src(op, SHUNT_OP_AVG_POOL, diff_src, reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return count_times(count_src(op), window_size(op));
}

const op_kind op_avg_pool_grad = {
    .name = "avg_pool_grad",
    .attr_bytes = sizeof(shunt_pool_attr),
    .infer = infer,
    .flops = flops,
};
