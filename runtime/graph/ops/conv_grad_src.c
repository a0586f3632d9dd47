/* conv_grad_src.c - the row of CONV_GRAD_SRC, which is also a layer, the transposed convolution: what it makes then has the size that its
 * input and its attributes give. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/forward.h"
#include "runtime/graph/ops/infer.h"
#include "runtime/graph/ops/weighted.h"

static const int64_t MOST_LENGTH = (int64_t)1 << 30; /* so that no size overflows */

/* The attributes of the convolution that a transposed one is the gradient of: rows that it adds at the end are behind the last window. */
static void cut_padding(shunt_conv_attr *a)
{
    for (int i = 0; i < 2; i++)
        if (a->pad_after[i] < 0) a->pad_after[i] = 0;
}

/* One axis of what a transposed convolution makes. */
static bool find_length(const shunt_conv_attr *a, int i, int64_t length, int64_t window, int64_t *out, char *reason)
{
    if (length > MOST_LENGTH || window > MOST_LENGTH) return infer_refuse(reason, "an axis of more than 2^30 elements");
    if (a->pad_after[i] < 0 && -(int64_t)a->pad_after[i] >= a->stride[i])
        return infer_refuse(reason, "an output padding of %d is not less than the stride of %d", -a->pad_after[i],
                            a->stride[i]);
    *out = (length - 1) * a->stride[i] + a->dilation[i] * (window - 1) + 1 - a->pad_before[i] - a->pad_after[i];
    return *out >= 1 || infer_refuse(reason, "padding leaves nothing of an axis of %lld", (long long)length);
}

static bool infer_transposed(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const int64_t *weights = op->inputs[0].dims, *src = op->inputs[1].dims;
    shunt_op_desc plain = *op;
    int64_t pq[2];
    if (!infer_check_rank(op, 0, 4, "weights", reason)) return false;
    if (op->attr.conv.groups < 1) return infer_refuse(reason, "%d groups", op->attr.conv.groups);
    if (src[1] != weights[0])
        return infer_refuse(reason, "weights are for %lld channels, src has %lld", (long long)weights[0],
                            (long long)src[1]);
    for (int i = 0; i < 2; i++)
        if (!find_length(&op->attr.conv, i, src[2 + i], weights[2 + i], &pq[i], reason)) return false;
    *dst = infer_plain(4, src[0], weights[1] * op->attr.conv.groups, pq[0], pq[1]);
    cut_padding(&plain.attr.conv);
    return forward_check_weighted(&plain, SHUNT_OP_CONV, dst, &op->inputs[0], reason);
}

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *diff_src, char *reason)
{
    if (!infer_check_rank(op, 1, 4, "diff_dst", reason)) return false;
    if (op->flags & SHUNT_FLAG_TRANSPOSED) {
        if (!infer_transposed(op, diff_src, reason)) return false;
    } else if (!forward_given_src(op, op->inputs[1].dims[0], diff_src, reason) ||
               !forward_check_weighted(op, SHUNT_OP_CONV, diff_src, &op->inputs[0], reason)) {
        return false;
    }
    for (uint32_t i = 2; i < op->ninputs; i++)
        if (!infer_same_dims(&op->inputs[i], diff_src))
            return infer_refuse(reason, "input %u does not have the shape of diff_src", i);
    return true;
}

/* Of a layer: its gradients are the convolution, and that one's gradient by its weights, whose src and diff_dst change places. */
static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    const shunt_value weights = op->inputs[0], src = op->inputs[1];
    if (op->flags != SHUNT_FLAG_TRANSPOSED) return gradient_refuse(op);
    if (pass->needed[weights]) {
        const shunt_tensor_desc shape = pass->graph->values[weights].desc;
        graph_op made = gradient_op(op, SHUNT_OP_CONV_GRAD_WEIGHTS, 0, 2, (shunt_value[]){diff, pass->now[src]});
        cut_padding(&made.attr.conv);
        gradient_add(pass, weights, graph_append_named(pass->graph, op->name, "diff_weights", &made, 1, &shape, NULL));
    }
    if (pass->needed[src]) {
        graph_op made = gradient_op(op, SHUNT_OP_CONV, 0, 2, (shunt_value[]){diff, weights});
        cut_padding(&made.attr.conv);
        gradient_add(pass, src, graph_append_named(pass->graph, op->name, "diff_src", &made, 0, NULL, NULL));
    }
    return SHUNT_OK;
}

/* A plan's op has a result of known size, as a gradient has. */
static void settle(graph_op *op, const shunt_tensor_desc *dst)
{
    (void)dst;
    if (!(op->flags & SHUNT_FLAG_TRANSPOSED)) return;
    op->flags &= ~(uint32_t)SHUNT_FLAG_TRANSPOSED;
    cut_padding(&op->attr.conv);
}

const op_kind op_conv_grad_src = {
    .name = "conv_grad_src",
    .attr_bytes = sizeof(shunt_conv_attr),
    .infer = infer,
    .macs = weighted_grad_src_macs,
    .gradient = gradient,
    .settle = settle,
};
