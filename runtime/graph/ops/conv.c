/* conv.c - the row of CONV. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/infer.h"
#include "runtime/graph/ops/weighted.h"
#include "runtime/graph/ops/window.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_conv_attr *a = &op->attr.conv;
    const int64_t *src = op->inputs[0].dims, *weights = op->inputs[1].dims; /* N C H W, K C/groups R S */
    if (!infer_check_rank(op, 0, 4, "src", reason) || !infer_check_rank(op, 1, 4, "weights", reason)) return false;
    if (a->groups < 1) return infer_refuse(reason, "%d groups", a->groups);
    if (src[1] % a->groups || weights[0] % a->groups)
        return infer_refuse(reason, "%d groups do not divide %lld input and %lld output channels", a->groups,
                            (long long)src[1], (long long)weights[0]);
    if (weights[1] != src[1] / a->groups)
        return infer_refuse(reason, "weights are for %lld channels a group, src has %lld", (long long)weights[1],
                            (long long)(src[1] / a->groups));
    int64_t pq[2];
    for (int i = 0; i < 2; i++)
        if (!window_places(src[2 + i], weights[2 + i], a->dilation[i], a->stride[i], a->pad_before[i], a->pad_after[i],
                           &pq[i], reason))
            return false;
    *dst = infer_plain(4, src[0], weights[0], pq[0], pq[1]);
    uint32_t next = 2;
    if (op->flags & SHUNT_FLAG_BIAS && !infer_check_vector(op, next++, weights[0], "bias", reason)) return false;
    if (op->flags & SHUNT_FLAG_RESIDUAL && !infer_same_dims(&op->inputs[next], dst))
        return infer_refuse(reason, "the residual does not have the shape of dst");
    return true;
}

static uint64_t macs(const shunt_op_desc *op)
{
    return weighted_macs(&op->outputs[0], &op->inputs[1]);
}

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    diff = gradient_through_relu(pass, op, diff);
    weighted_gradient(pass, op, SHUNT_OP_CONV_GRAD_SRC, true, SHUNT_OP_CONV_GRAD_WEIGHTS, diff);
    if (op->flags & SHUNT_FLAG_RESIDUAL) gradient_add(pass, op->inputs[op->ninputs - 1], diff);
    return SHUNT_OK;
}

const op_kind op_conv = {
    .name = "conv",
    .fuses = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU,
    .attr_bytes = sizeof(shunt_conv_attr),
    .infer = infer,
    .macs = macs,
    .gradient = gradient,
};
