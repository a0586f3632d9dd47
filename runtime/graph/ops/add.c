/* add.c - the row of ADD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/pair.h"

static uint64_t flops(const shunt_op_desc *op)
{
    return count_dst(op) + count_relu(op);
}

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    diff = gradient_through_relu(pass, op, diff);
    for (uint32_t i = 0; i < op->ninputs; i++) pair_gradient_add(pass, op, i, diff);
    return SHUNT_OK;
}

const op_kind op_add = {
    .name = "add",
    .fuses = SHUNT_FLAG_RELU,
    .infer = pair_infer,
    .flops = flops,
    .gradient = gradient,
};
