/* max_pool.c - the row of MAX_POOL. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/window.h"

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    if (op->flags & SHUNT_FLAG_DILATED) return gradient_refuse(op);
    return gradient_by_src(pass, op, SHUNT_OP_MAX_POOL_GRAD, true, diff);
}

const op_kind op_max_pool = {
    .name = "max_pool",
    .attr_bytes = sizeof(shunt_pool_attr),
    .infer = window_infer_pool,
    .flops = window_pool_flops,
    .gradient = gradient,
};
