/* linear.c - the row of LINEAR. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/infer.h"
#include "runtime/graph/ops/weighted.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const int64_t *src = op->inputs[0].dims, *weights = op->inputs[1].dims; /* N C, K C */
    if (!infer_check_rank(op, 0, 2, "src", reason) || !infer_check_rank(op, 1, 2, "weights", reason)) return false;
    if (src[1] != weights[1])
        return infer_refuse(reason, "weights are for %lld channels, src has %lld", (long long)weights[1],
                            (long long)src[1]);
    *dst = infer_plain(2, src[0], weights[0], 0, 0);
    return !(op->flags & SHUNT_FLAG_BIAS) || infer_check_vector(op, 2, weights[0], "bias", reason);
}

static uint64_t macs(const shunt_op_desc *op)
{
    return weighted_macs(&op->outputs[0], &op->inputs[1]);
}

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    diff = gradient_through_relu(pass, op, diff);
    weighted_gradient(pass, op, SHUNT_OP_LINEAR_GRAD_SRC, false, SHUNT_OP_LINEAR_GRAD_WEIGHTS, diff);
    return SHUNT_OK;
}

const op_kind op_linear = {
    .name = "linear",
    .fuses = SHUNT_FLAG_RELU,
    .infer = infer,
    .macs = macs,
    .gradient = gradient,
};
