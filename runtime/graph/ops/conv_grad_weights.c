/* conv_grad_weights.c - the row of CONV_GRAD_WEIGHTS. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/forward.h"
#include "runtime/graph/ops/infer.h"
#include "runtime/graph/ops/weighted.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (!forward_given(op, 0, 4, &outputs[0], reason) ||
        !forward_check_weighted(op, SHUNT_OP_CONV, &op->inputs[0], &outputs[0], reason))
        return false;
    outputs[1] = infer_plain(1, outputs[0].dims[0], 0, 0, 0);
    return true;
}

const op_kind op_conv_grad_weights = {
    .name = "conv_grad_weights",
    .attr_bytes = sizeof(shunt_conv_attr),
    .infer = infer,
    .macs = weighted_grad_weights_macs,
};
