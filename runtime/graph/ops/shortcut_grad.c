/* shortcut_grad.c - the row of SHORTCUT_GRAD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/forward.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *diff_src, char *reason)
{
    return forward_infer_src(op, SHUNT_OP_SHORTCUT, diff_src, reason);
}

const op_kind op_shortcut_grad = {
    .name = "shortcut_grad",
    .attr_bytes = sizeof(shunt_shortcut_attr),
    .infer = infer,
};
