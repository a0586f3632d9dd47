/* forward.c - see forward.h. */
#include "runtime/graph/ops/forward.h"
#include "runtime/graph/graph.h"
#include "runtime/graph/ops/infer.h"

shunt_op_desc forward_op(const shunt_op_desc *op, uint32_t kind, const shunt_tensor_desc *src)
{
    shunt_op_desc forward = {.kind = kind, .ninputs = 1, .attr = op->attr};
    forward.inputs[0] = *src;
    forward.inputs[0].dtype = op->inputs[0].dtype;
    return forward;
}

bool forward_check(const shunt_op_desc *forward, const shunt_tensor_desc *diff_dst, char *reason)
{
    shunt_tensor_desc dst[SHUNT_MAX_OUTPUTS];
    uint32_t count;
    if (!graph_infer(forward, dst, &count, reason)) return false;
    return infer_same_dims(&dst[0], diff_dst) || infer_refuse(reason, "diff_dst does not have the shape of dst");
}

bool forward_check_weighted(const shunt_op_desc *op, uint32_t kind, const shunt_tensor_desc *src,
                            const shunt_tensor_desc *weights, char *reason)
{
    shunt_op_desc forward = forward_op(op, kind, src);
    forward.inputs[forward.ninputs] = *weights;
    forward.inputs[forward.ninputs++].dtype = op->inputs[0].dtype;
    return forward_check(&forward, &op->inputs[1], reason);
}

bool forward_given(const shunt_op_desc *op, uint32_t index, uint32_t rank, shunt_tensor_desc *out, char *reason)
{
    const int64_t *dims = op->outputs[index].dims;
    if (op->noutputs <= index || op->outputs[index].rank != rank)
        return infer_refuse(reason, "the shape of output %u is not given", index);
    *out = infer_plain(rank, dims[0], dims[1], dims[2], dims[3]);
    return true;
}

bool forward_given_src(const shunt_op_desc *op, int64_t N, shunt_tensor_desc *out, char *reason)
{
    if (!forward_given(op, 0, 4, out, reason)) return false;
    out->dims[0] = N;
    return true;
}

bool forward_infer_src(const shunt_op_desc *op, uint32_t kind, shunt_tensor_desc *diff_src, char *reason)
{
    const shunt_tensor_desc *diff_dst = &op->inputs[0];
    if (diff_dst->rank < 2) return infer_refuse(reason, "diff_dst has rank %d", diff_dst->rank);
    if (!forward_given_src(op, diff_dst->dims[0], diff_src, reason)) return false;
    shunt_op_desc forward = forward_op(op, kind, diff_src);
    forward.outputs[0] = *diff_dst; /* the channels of a shortcut */
    return forward_check(&forward, diff_dst, reason);
}
