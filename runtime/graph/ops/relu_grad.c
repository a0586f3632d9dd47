/* relu_grad.c - the row of RELU_GRAD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *diff_src, char *reason)
{
    if (!infer_same_dims(&op->inputs[0], &op->inputs[1]))
        return infer_refuse(reason, "dst and diff_dst differ in shape");
    return infer_same(op, diff_src, reason);
}

const op_kind op_relu_grad = {
    .name = "relu_grad",
    .infer = infer,
    .flops = count_src,
};
