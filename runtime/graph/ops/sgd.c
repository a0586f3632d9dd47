/* sgd.c - the row of SGD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

#include <math.h>

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    for (uint32_t i = 1; i < 3; i++)
        if (!infer_same_dims(&op->inputs[i], &op->inputs[0]))
            return infer_refuse(reason, "the %s does not have the shape of the weights",
                                i == 1 ? "velocity" : "gradient");
    float decay = op->attr.sgd.weight_decay, trust = op->attr.sgd.trust;
    if (!isfinite(decay) || decay < 0) return infer_refuse(reason, "weight decay is %g", (double)decay);
    if (!isfinite(trust) || trust < 0) return infer_refuse(reason, "trust is %g", (double)trust);
    if (op->flags & SHUNT_FLAG_LARS && !infer_check_vector(op, op->ninputs - 1, 2, "squares", reason)) return false;
    outputs[0] = op->inputs[0];
    outputs[1] = op->inputs[1];
    return infer_check_vector(op, 3, 1, "rate", reason) && infer_check_number(op, SHUNT_FLAG_SCALE, "scale", reason) &&
           infer_check_number(op, SHUNT_FLAG_SKIP, "skip", reason) &&
           infer_check_fraction(op->attr.sgd.momentum, "momentum", reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return (6 + (op->flags & SHUNT_FLAG_NESTEROV ? 2 : 0) + (op->flags & SHUNT_FLAG_SCALE ? 1 : 0) +
            (op->flags & SHUNT_FLAG_LARS ? 1 : 0)) *
           count_src(op);
}

const op_kind op_sgd = {
    .name = "sgd",
    .replaces = 2,
    .joins = 1u << 0 | 1u << 1 | 1u << 2, /* all but rate, scale, skip and squares */
    .attr_bytes = sizeof(shunt_sgd_attr),
    .infer = infer,
    .flops = flops,
};
