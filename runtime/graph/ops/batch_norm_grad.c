/* batch_norm_grad.c - the row of BATCH_NORM_GRAD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/forward.h"
#include "runtime/graph/ops/infer.h"

#include <string.h>

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    shunt_op_desc forward = forward_op(op, SHUNT_OP_BATCH_NORM, &op->inputs[0]);
    memcpy(forward.inputs, op->inputs, sizeof op->inputs);
    forward.ninputs = 5;
    if (!forward_check(&forward, &op->inputs[5], reason)) return false;
    outputs[1] = outputs[2] = op->inputs[1];
    return infer_same(op, &outputs[0], reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    /* two sums, a product; difference, product, two sums, product; and BATCH_NORM again for the ReLU */
    return (op->flags & SHUNT_FLAG_RELU ? 11 : 8) * count_src(op);
}

const op_kind op_batch_norm_grad = {
    .name = "batch_norm_grad",
    .attr_bytes = sizeof(shunt_batch_norm_attr),
    .exchange = OP_EXCHANGE_SUMS,
    .infer = infer,
    .flops = flops,
};
