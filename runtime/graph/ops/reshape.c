/* reshape.c - the row of RESHAPE. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_reshape_attr *a = &op->attr.reshape;
    const shunt_tensor_desc *src = &op->inputs[0];
    const int64_t total = (int64_t)shunt_tensor_count(src);
    int64_t known = 1;
    int left = -1;
    if (a->rank < 0 || a->rank > SHUNT_MAX_RANK)
        return infer_refuse(reason, "rank %d is not in 0 .. %d", a->rank, SHUNT_MAX_RANK);
    *dst = infer_plain((uint32_t)a->rank, 0, 0, 0, 0);
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] < -1 || (a->dims[i] == -1 && left >= 0))
            return infer_refuse(reason, "dimension %d is %d", i, a->dims[i]);
        if (a->dims[i] == 0 && i >= src->rank) return infer_refuse(reason, "src has no dimension %d to copy", i);
        if (a->dims[i] == -1)
            left = i;
        else if ((dst->dims[i] = a->dims[i] ? a->dims[i] : src->dims[i]) > total / known)
            return infer_refuse(reason, "the new shape has more elements than src's %lld", (long long)total);
        else
            known *= dst->dims[i];
    }
    if (left >= 0 ? total % known != 0 : total != known)
        return infer_refuse(reason, "%lld elements do not take the new shape", (long long)total);
    if (left >= 0) dst->dims[left] = total / known;
    return true;
}

const op_kind op_reshape = {
    .name = "reshape",
    .attr_bytes = sizeof(shunt_reshape_attr),
    .infer = infer,
};
