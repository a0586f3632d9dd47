/* clip.c - the row of CLIP. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

#include <math.h>

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    if (isnan(op->attr.clip.low) || isnan(op->attr.clip.high)) return infer_refuse(reason, "a limit is not a number");
    return infer_same(op, dst, reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return 2 * count_dst(op);
}

const op_kind op_clip = {
    .name = "clip",
    .attr_bytes = sizeof(shunt_clip_attr),
    .infer = infer,
    .flops = flops,
};
