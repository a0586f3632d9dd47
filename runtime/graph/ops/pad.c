/* pad.c - the row of PAD. */
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

const op_kind op_pad = {
    .name = "pad",
    .attr_bytes = sizeof(shunt_pad_attr),
    .infer = infer,
};
