/* shortcut.c - the row of SHORTCUT. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_shortcut_attr *a = &op->attr.shortcut;
    const int64_t *src = op->inputs[0].dims;
    if (!infer_check_rank(op, 0, 4, "src", reason)) return false;
    if (a->stride < 1) return infer_refuse(reason, "stride %d is less than 1", a->stride);
    if (a->lead < 0) return infer_refuse(reason, "%d leading channels", a->lead);
    int64_t channels = op->outputs[0].rank == 4 ? op->outputs[0].dims[1] : src[1] + 2 * (int64_t)a->lead;
    if (channels < src[1] + a->lead)
        return infer_refuse(reason, "%lld channels do not hold %d zero and %lld old ones", (long long)channels, a->lead,
                            (long long)src[1]);
    *dst = infer_plain(4, src[0], channels, (src[2] - 1) / a->stride + 1, (src[3] - 1) / a->stride + 1);
    return true;
}

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    return gradient_by_src(pass, op, SHUNT_OP_SHORTCUT_GRAD, false, diff);
}

const op_kind op_shortcut = {
    .name = "shortcut",
    .attr_bytes = sizeof(shunt_shortcut_attr),
    .infer = infer,
    .gradient = gradient,
};
