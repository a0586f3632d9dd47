/* linear_grad_src.c - the row of LINEAR_GRAD_SRC. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/forward.h"
#include "runtime/graph/ops/infer.h"
#include "runtime/graph/ops/weighted.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *diff_src, char *reason)
{
    if (!infer_check_rank(op, 0, 2, "weights", reason) || !infer_check_rank(op, 1, 2, "diff_dst", reason)) return false;
    *diff_src = infer_plain(2, op->inputs[1].dims[0], op->inputs[0].dims[1], 0, 0);
    return forward_check_weighted(op, SHUNT_OP_LINEAR, diff_src, &op->inputs[0], reason);
}

const op_kind op_linear_grad_src = {
    .name = "linear_grad_src",
    .infer = infer,
    .macs = weighted_grad_src_macs,
};
