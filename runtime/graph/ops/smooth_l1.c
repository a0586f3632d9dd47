/* smooth_l1.c - the row of SMOOTH_L1. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

#include <math.h>

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    const float beta = op->attr.smooth_l1.beta;
    if (!infer_same_dims(&op->inputs[0], &op->inputs[1])) return infer_refuse(reason, "src and target differ in shape");
    if (!infer_check_places(op, 2, "weights", reason)) return false;
    outputs[0] = op->inputs[2];
    outputs[1] = op->inputs[0];
    return (isfinite(beta) && beta >= 0) || infer_refuse(reason, "beta is %g, not 0 or more", (double)beta);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return count_times(count_src(op), 5); /* a difference, what comes of it, two products and a sum */
}

const op_kind op_smooth_l1 = {
    .name = "smooth_l1",
    .attr_bytes = sizeof(shunt_smooth_l1_attr),
    .infer = infer,
    .flops = flops,
};
