/* moving_average.c - the row of MOVING_AVERAGE. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

#include <math.h>

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *average, char *reason)
{
    if (!infer_same_dims(&op->inputs[0], &op->inputs[1])) return infer_refuse(reason, "the two inputs differ in shape");
    float scale = op->attr.moving_average.scale;
    if (!isfinite(scale)) return infer_refuse(reason, "scale is %g", (double)scale);
    *average = op->inputs[0];
    return infer_check_number(op, SHUNT_FLAG_SKIP, "skip", reason) &&
           infer_check_fraction(op->attr.moving_average.rate, "rate", reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return 4 * count_src(op);
}

const op_kind op_moving_average = {
    .name = "moving_average",
    .replaces = 1,
    .joins = 1u << 0 | 1u << 1,
    .attr_bytes = sizeof(shunt_moving_average_attr),
    .infer = infer,
    .flops = flops,
};
