/* global_pool_grad.c - the row of GLOBAL_POOL_GRAD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/forward.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *diff_src, char *reason)
{
    return forward_infer_src(op, SHUNT_OP_GLOBAL_POOL, diff_src, reason);
}

const op_kind op_global_pool_grad = {
    .name = "global_pool_grad",
    .infer = infer,
    .flops = count_src,
};
