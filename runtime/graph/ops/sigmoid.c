/* sigmoid.c - the row of SIGMOID. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static uint64_t flops(const shunt_op_desc *op)
{
    return 3 * count_dst(op); /* exponential, sum, quotient */
}

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    const shunt_value inputs[] = {pass->now[op->outputs[0]], diff};
    graph_op made = gradient_op(op, SHUNT_OP_SIGMOID_GRAD, 0, 2, inputs);
    gradient_add(pass, op->inputs[0], graph_append_named(pass->graph, op->name, "diff_src", &made, 0, NULL, NULL));
    return SHUNT_OK;
}

const op_kind op_sigmoid = {
    .name = "sigmoid",
    .onnx = "Sigmoid",
    .infer = infer_same,
    .flops = flops,
    .gradient = gradient,
};
