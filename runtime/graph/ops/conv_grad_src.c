/* conv_grad_src.c - the row of CONV_GRAD_SRC. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/forward.h"
#include "runtime/graph/ops/infer.h"
#include "runtime/graph/ops/weighted.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *diff_src, char *reason)
{
    if (!infer_check_rank(op, 1, 4, "diff_dst", reason) ||
        !forward_given_src(op, op->inputs[1].dims[0], diff_src, reason) ||
        !forward_check_weighted(op, SHUNT_OP_CONV, diff_src, &op->inputs[0], reason))
        return false;
    for (uint32_t i = 2; i < op->ninputs; i++)
        if (!infer_same_dims(&op->inputs[i], diff_src))
            return infer_refuse(reason, "input %u does not have the shape of diff_src", i);
    return true;
}

const op_kind op_conv_grad_src = {
    .name = "conv_grad_src",
    .attr_bytes = sizeof(shunt_conv_attr),
    .infer = infer,
    .macs = weighted_grad_src_macs,
};
