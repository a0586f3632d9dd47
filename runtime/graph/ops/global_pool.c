/* global_pool.c - the row of GLOBAL_POOL. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    *dst = infer_plain(2, op->inputs[0].dims[0], op->inputs[0].dims[1], 0, 0);
    return infer_check_rank(op, 0, 4, "src", reason);
}

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    return gradient_by_src(pass, op, SHUNT_OP_GLOBAL_POOL_GRAD, false, diff);
}

const op_kind op_global_pool = {
    .name = "global_pool",
    .infer = infer,
    .flops = count_src,
    .gradient = gradient,
};
