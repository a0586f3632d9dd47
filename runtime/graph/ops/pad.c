/* pad.c - the row of PAD. */
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_pad_attr *a = &op->attr.pad;
    if (a->mode < SHUNT_PAD_CONSTANT || a->mode > SHUNT_PAD_EDGE) return infer_refuse(reason, "mode %d", a->mode);
    infer_same(op, dst, reason);
    for (uint32_t i = 0; i < dst->rank; i++) {
        int64_t size = dst->dims[i], most = a->mode == SHUNT_PAD_REFLECT ? size - 1 : INT32_MAX;
        if (a->before[i] > most || a->after[i] > most)
            return infer_refuse(reason, "%lld elements cannot be mirrored by %d and %d", (long long)size, a->before[i],
                                a->after[i]);
        if (a->before[i] <= -size || a->after[i] <= -size || size + a->before[i] + a->after[i] < 1)
            return infer_refuse(reason, "padding of %d and %d leaves nothing of %lld elements", a->before[i],
                                a->after[i], (long long)size);
        dst->dims[i] += (int64_t)a->before[i] + a->after[i];
    }
    return true;
}

/* What was added falls away, and what was cut off gets 0. */
static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    const shunt_pad_attr *a = &op->attr.pad;
    if (a->mode != SHUNT_PAD_CONSTANT) return gradient_refuse(op);
    graph_op back = gradient_op(op, SHUNT_OP_PAD, 0, 1, &diff);
    back.attr.pad.value = 0;
    for (int i = 0; i < SHUNT_MAX_RANK; i++) {
        back.attr.pad.before[i] = -a->before[i];
        back.attr.pad.after[i] = -a->after[i];
    }
    gradient_add(pass, op->inputs[0], graph_append_named(pass->graph, op->name, "diff_src", &back, 0, NULL, NULL));
    return SHUNT_OK;
}

const op_kind op_pad = {
    .name = "pad",
    .attr_bytes = sizeof(shunt_pad_attr),
    .infer = infer,
    .gradient = gradient,
};
