/* concat.c - the row of CONCAT. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
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

/* Each input's gradient is cut out of diff. */
static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    static const char *const whats[] = {"diff_a", "diff_b"};
    const int32_t axis = op->attr.concat.axis;
    const int64_t a = pass->graph->values[op->inputs[0]].desc.dims[axis],
                  b = pass->graph->values[op->inputs[1]].desc.dims[axis];
    if (a > INT32_MAX || b > INT32_MAX) return gradient_refuse(op);
    for (int i = 0; i < 2; i++) {
        graph_op cut = {.kind = SHUNT_OP_PAD, .ninputs = 1, .inputs = {diff}};
        if (!pass->needed[op->inputs[i]]) continue;
        cut.attr.pad.before[axis] = i == 1 ? -(int32_t)a : 0;
        cut.attr.pad.after[axis] = i == 0 ? -(int32_t)b : 0;
        gradient_add(pass, op->inputs[i], graph_append_named(pass->graph, op->name, whats[i], &cut, 0, NULL, NULL));
    }
    return SHUNT_OK;
}

const op_kind op_concat = {
    .name = "concat",
    .attr_bytes = sizeof(shunt_concat_attr),
    .infer = infer,
    .gradient = gradient,
};
