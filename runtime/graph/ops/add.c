/* add.c - the row of ADD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

/* Axes of 1 are repeated to the other's size. */
static bool broadcast(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_tensor_desc *a = &op->inputs[0], *b = &op->inputs[1];
    if (a->rank != b->rank) return infer_refuse(reason, "the two inputs have ranks %d and %d", a->rank, b->rank);
    infer_same(op, dst, reason);
    for (uint32_t i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i] && a->dims[i] != 1 && b->dims[i] != 1)
            return infer_refuse(reason, "axis %u has %lld and %lld elements, which do not broadcast", i,
                                (long long)a->dims[i], (long long)b->dims[i]);
        if (a->dims[i] == 1) dst->dims[i] = b->dims[i];
    }
    return true;
}

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    if (op->flags & SHUNT_FLAG_BROADCAST) return broadcast(op, dst, reason);
    if (!infer_same_dims(&op->inputs[0], &op->inputs[1])) return infer_refuse(reason, "the two inputs differ in shape");
    return infer_same(op, dst, reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return count_dst(op) + count_relu(op);
}

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    if (op->flags & SHUNT_FLAG_BROADCAST) return gradient_refuse(op);
    diff = gradient_through_relu(pass, op, diff);
    gradient_add(pass, op->inputs[0], diff);
    gradient_add(pass, op->inputs[1], diff);
    return SHUNT_OK;
}

const op_kind op_add = {
    .name = "add",
    .fuses = SHUNT_FLAG_RELU,
    .infer = infer,
    .flops = flops,
    .gradient = gradient,
};
