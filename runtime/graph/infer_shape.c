/* infer_shape.c - shapes of the kinds that rearrange tensors, which graphs from elsewhere have. */
#include "runtime/graph/infer.h"

#include <math.h>

static bool transpose(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    uint32_t seen = 0;
    infer_same(op, dst, reason);
    for (uint32_t i = 0; i < dst->rank; i++) {
        int32_t axis = op->attr.transpose.axes[i];
        if (axis < 0 || axis >= dst->rank || seen >> axis & 1)
            return infer_refuse(reason, "axis %d does not belong into an order of %d", axis, dst->rank);
        seen |= 1u << axis;
        dst->dims[i] = op->inputs[0].dims[axis];
    }
    return true;
}

static bool reshape(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_reshape_attr *a = &op->attr.reshape;
    const shunt_tensor_desc *src = &op->inputs[0];
    const int64_t total = (int64_t)shunt_tensor_count(src);
    int64_t known = 1;
    int left = -1;
    if (a->rank < 0 || a->rank > SHUNT_MAX_RANK)
        return infer_refuse(reason, "rank %d is not in 0 .. %d", a->rank, SHUNT_MAX_RANK);
    *dst = infer_plain(op, (uint32_t)a->rank, 0, 0, 0, 0);
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

static bool concat(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_tensor_desc *a = &op->inputs[0], *b = &op->inputs[1];
    int32_t axis = op->attr.concat.axis;
    if (a->rank != b->rank) return infer_refuse(reason, "the two inputs have ranks %d and %d", a->rank, b->rank);
    if (axis < 0 || axis >= a->rank) return infer_refuse(reason, "axis %d of a rank of %d", axis, a->rank);
    infer_same(op, dst, reason);
    for (int i = 0; i < a->rank; i++) {
        if (i == axis)
            dst->dims[i] += b->dims[i];
        else if (a->dims[i] != b->dims[i])
            return infer_refuse(reason, "axis %d has %lld and %lld elements", i, (long long)a->dims[i],
                                (long long)b->dims[i]);
    }
    return true;
}

static bool pad(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
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

static bool clip(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    if (isnan(op->attr.clip.low) || isnan(op->attr.clip.high)) return infer_refuse(reason, "a limit is not a number");
    return infer_same(op, dst, reason);
}

static bool matmul(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const int64_t *a = op->inputs[0].dims, *b = op->inputs[1].dims; /* B M K, B K N */
    if (!infer_check_rank(op, 0, 3, "a", reason) || !infer_check_rank(op, 1, 3, "b", reason)) return false;
    if (a[0] != b[0] && a[0] != 1 && b[0] != 1)
        return infer_refuse(reason, "%lld and %lld matrices", (long long)a[0], (long long)b[0]);
    if (a[2] != b[1]) return infer_refuse(reason, "%lld columns by %lld rows", (long long)a[2], (long long)b[1]);
    *dst = infer_plain(op, 3, a[0] > b[0] ? a[0] : b[0], a[1], b[2], 0);
    return true;
}

static const infer_rule rules[SHUNT_OP_KINDS] = {
    [SHUNT_OP_TRANSPOSE] = {1, 1, 0, 0, 0, transpose}, [SHUNT_OP_RESHAPE] = {1, 1, 0, 0, 0, reshape},
    [SHUNT_OP_CONCAT] = {2, 1, 0, 0, 0, concat},       [SHUNT_OP_PAD] = {1, 1, 0, 0, 0, pad},
    [SHUNT_OP_CLIP] = {1, 1, 0, 0, 0, clip},           [SHUNT_OP_MATMUL] = {2, 1, 0, 0, 0, matmul},
};

const infer_rule *infer_shape_rule(uint32_t kind)
{
    return kind < SHUNT_OP_KINDS && rules[kind].infer ? &rules[kind] : NULL;
}
