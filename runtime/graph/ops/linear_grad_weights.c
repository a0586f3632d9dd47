/* linear_grad_weights.c - the row of LINEAR_GRAD_WEIGHTS. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/forward.h"
#include "runtime/graph/ops/infer.h"
#include "runtime/graph/ops/weighted.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (!infer_check_rank(op, 0, 2, "src", reason) || !infer_check_rank(op, 1, 2, "diff_dst", reason)) return false;
    outputs[0] = infer_plain(2, op->inputs[1].dims[1], op->inputs[0].dims[1], 0, 0);
    outputs[1] = infer_plain(1, outputs[0].dims[0], 0, 0, 0);
    return forward_check_weighted(op, SHUNT_OP_LINEAR, &op->inputs[0], &outputs[0], reason);
}

const op_kind op_linear_grad_weights = {
    .name = "linear_grad_weights",
    .infer = infer,
    .macs = weighted_grad_weights_macs,
};
