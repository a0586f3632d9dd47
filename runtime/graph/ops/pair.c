/* pair.c - see pair.h. */
#include "runtime/graph/ops/pair.h"
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

bool pair_infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    if (op->flags & SHUNT_FLAG_BROADCAST) return broadcast(op, dst, reason);
    if (!infer_same_dims(&op->inputs[0], &op->inputs[1])) return infer_refuse(reason, "the two inputs differ in shape");
    return infer_same(op, dst, reason);
}

void pair_gradient_add(gradient_pass *p, const graph_op *op, uint32_t index, shunt_value diff)
{
    const shunt_tensor_desc *input = &p->graph->values[op->inputs[index]].desc;
    const shunt_tensor_desc *dst = &p->graph->values[op->outputs[0]].desc;
    graph_op sum = {.kind = SHUNT_OP_REDUCE_SUM, .ninputs = 1, .inputs = {diff}};
    for (uint32_t i = 0; i < dst->rank; i++)
        if (input->dims[i] != dst->dims[i]) sum.attr.reduce.axes |= 1u << i;
    if (sum.attr.reduce.axes && p->needed[op->inputs[index]])
        diff = graph_append_named(p->graph, op->name, "diff_sum", &sum, 0, NULL, NULL);
    gradient_add(p, op->inputs[index], diff);
}
