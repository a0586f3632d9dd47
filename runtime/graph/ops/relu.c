/* relu.c - the row of RELU. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    gradient_add(pass, op->inputs[0], gradient_mask(pass, op, diff));
    return SHUNT_OK;
}

const op_kind op_relu = {
    .name = "relu",
    .onnx = "Relu",
    .infer = infer_same,
    .flops = count_dst,
    .gradient = gradient,
};
