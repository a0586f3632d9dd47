/* focal_loss.c - the row of FOCAL_LOSS. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

#include <math.h>

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    const shunt_focal_loss_attr *a = &op->attr.focal_loss;
    if (!infer_check_places(op, 1, "labels", reason) || !infer_check_places(op, 2, "weights", reason)) return false;
    if (!isfinite(a->gamma) || a->gamma < 0)
        return infer_refuse(reason, "gamma is %g, not 0 or more", (double)a->gamma);
    outputs[0] = op->inputs[1];
    outputs[1] = op->inputs[0];
    return infer_check_fraction(a->alpha, "alpha", reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return count_times(count_src(op), 14); /* sigmoid and logarithm, a power, five products and three sums */
}

const op_kind op_focal_loss = {
    .name = "focal_loss",
    .attr_bytes = sizeof(shunt_focal_loss_attr),
    .infer = infer,
    .flops = flops,
};
