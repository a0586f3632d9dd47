/* lrn.c - the row of LRN. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

#include <math.h>

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_lrn_attr *a = &op->attr.lrn;
    if (op->inputs[0].rank < 2) return infer_refuse(reason, "src has rank %u, not 2 or more", op->inputs[0].rank);
    if (a->size < 1) return infer_refuse(reason, "size %d is less than 1", a->size);
    if (!isfinite(a->alpha) || !isfinite(a->beta) || !isfinite(a->bias))
        return infer_refuse(reason, "alpha, beta or bias is not a finite number");
    return infer_same(op, dst, reason);
}

/* A square and an addition for each neighbour; then factor, bias, power and division. */
static uint64_t flops(const shunt_op_desc *op)
{
    const int64_t size = op->attr.lrn.size, C = op->inputs[0].dims[1];
    return count_times(count_src(op), 2 * (uint64_t)(size < C ? size : C) + 4);
}

const op_kind op_lrn = {
    .name = "lrn",
    .attr_bytes = sizeof(shunt_lrn_attr),
    .infer = infer,
    .flops = flops,
};
