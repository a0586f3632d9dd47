/* reshape.c - the row of RESHAPE. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
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
        return infer_refuse(reason, "%lld elements do not fit the new shape", (long long)total);
    if (left >= 0) dst->dims[left] = total / known;
    return true;
}

/* Back to src's shape. */
static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    const shunt_tensor_desc *src = &pass->graph->values[op->inputs[0]].desc;
    graph_op back = {.kind = SHUNT_OP_RESHAPE, .ninputs = 1, .inputs = {diff}};
    back.attr.reshape.rank = src->rank;
    for (uint32_t i = 0; i < src->rank; i++) {
        if (src->dims[i] > INT32_MAX) return gradient_refuse(op);
        back.attr.reshape.dims[i] = (int32_t)src->dims[i];
    }
    gradient_add(pass, op->inputs[0], graph_append_named(pass->graph, op->name, "diff_src", &back, 0, NULL, NULL));
    return SHUNT_OK;
}

const op_kind op_reshape = {
    .name = "reshape",
    .attr_bytes = sizeof(shunt_reshape_attr),
    .infer = infer,
    .gradient = gradient,
};
