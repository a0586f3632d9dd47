/* resize_grad.c - the row of RESIZE_GRAD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/forward.h"
#include "runtime/graph/ops/infer.h"

#include <shunt/resize.h>

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *diff_src, char *reason)
{
    if (shunt_resize_is_antialiased(&op->attr.resize))
        return infer_refuse(reason, "an antialiased filter has no gradient");
    return forward_infer_src(op, SHUNT_OP_RESIZE, diff_src, reason);
}

/* Each element is weighted and added up to four times. */
static uint64_t flops(const shunt_op_desc *op)
{
    return count_times(count_src(op), op->attr.resize.filter == SHUNT_RESIZE_NEAREST ? 1 : 8);
}

const op_kind op_resize_grad = {
    .name = "resize_grad",
    .attr_bytes = sizeof(shunt_resize_attr),
    .infer = infer,
    .flops = flops,
};
