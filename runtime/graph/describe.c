/* describe.c - what an op is called and what it costs: for reports, not for decisions. */
#include "runtime/graph/graph.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_names[SHUNT_OP_KINDS] = {
    [SHUNT_OP_CONV] = "conv",
    [SHUNT_OP_LINEAR] = "linear",
    [SHUNT_OP_BATCH_NORM] = "batch_norm",
    [SHUNT_OP_RELU] = "relu",
    [SHUNT_OP_ADD] = "add",
    [SHUNT_OP_MAX_POOL] = "max_pool",
    [SHUNT_OP_AVG_POOL] = "avg_pool",
    [SHUNT_OP_GLOBAL_POOL] = "global_pool",
    [SHUNT_OP_SOFTMAX] = "softmax",
    [SHUNT_OP_SHORTCUT] = "shortcut",
    [SHUNT_OP_REORDER] = "reorder",
    [SHUNT_OP_TRANSPOSE] = "transpose",
    [SHUNT_OP_RESHAPE] = "reshape",
    [SHUNT_OP_CONCAT] = "concat",
    [SHUNT_OP_PAD] = "pad",
    [SHUNT_OP_CLIP] = "clip",
    [SHUNT_OP_LOG_SOFTMAX] = "log_softmax",
    [SHUNT_OP_MATMUL] = "matmul",
    [SHUNT_OP_BATCH_STATISTICS] = "batch_statistics",
    [SHUNT_OP_BATCH_NORM_GRAD] = "batch_norm_grad",
    [SHUNT_OP_RELU_GRAD] = "relu_grad",
    [SHUNT_OP_CONV_GRAD_SRC] = "conv_grad_src",
    [SHUNT_OP_CONV_GRAD_WEIGHTS] = "conv_grad_weights",
    [SHUNT_OP_LINEAR_GRAD_SRC] = "linear_grad_src",
    [SHUNT_OP_LINEAR_GRAD_WEIGHTS] = "linear_grad_weights",
    [SHUNT_OP_MAX_POOL_GRAD] = "max_pool_grad",
    [SHUNT_OP_AVG_POOL_GRAD] = "avg_pool_grad",
    [SHUNT_OP_GLOBAL_POOL_GRAD] = "global_pool_grad",
    [SHUNT_OP_SHORTCUT_GRAD] = "shortcut_grad",
    [SHUNT_OP_CROSS_ENTROPY] = "cross_entropy",
    [SHUNT_OP_SGD] = "sgd",
    [SHUNT_OP_MOVING_AVERAGE] = "moving_average",
};

const char *shunt_op_kind_name(uint32_t kind)
{
    return kind < SHUNT_OP_KINDS ? kind_names[kind] : NULL;
}

const char *shunt_op_label(uint32_t kind, uint32_t flags, char *text, size_t size)
{
    const char *name = shunt_op_kind_name(kind);
    snprintf(text, size, "%s%s%s%s%s", name ? name : "unknown", flags & SHUNT_FLAG_BIAS ? "+bias" : "",
             flags & SHUNT_FLAG_RESIDUAL ? "+add" : "", flags & SHUNT_FLAG_RELU ? "+relu" : "",
             flags & SHUNT_FLAG_NESTEROV ? "+nesterov" : "");
    return text;
}

/* Products stay in range: a shape that could overflow is told as the largest number. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* A gradient of a convolution or a linear layer multiplies as often as the layer itself: each weight once for each pixel and
 * image of dst (and sums of a bias are not counted there either). */
static uint64_t op_macs(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *dst = &desc->outputs[0], *weights = &desc->inputs[1];
    uint64_t row = 1;
    switch (desc->kind) {
    case SHUNT_OP_MATMUL:
        return multiply(shunt_tensor_count(dst), (uint64_t)desc->inputs[0].dims[2]);
    case SHUNT_OP_CONV_GRAD_SRC:
    case SHUNT_OP_LINEAR_GRAD_SRC:
        dst = &desc->inputs[1], weights = &desc->inputs[0];
        break;
    case SHUNT_OP_CONV_GRAD_WEIGHTS:
    case SHUNT_OP_LINEAR_GRAD_WEIGHTS:
        dst = &desc->inputs[1], weights = &desc->outputs[0];
        break;
    case SHUNT_OP_CONV:
    case SHUNT_OP_LINEAR:
        break;
    default:
        return 0;
    }
    for (uint32_t i = 1; i < weights->rank; i++) row = multiply(row, (uint64_t)weights->dims[i]);
    return multiply(shunt_tensor_count(dst), row);
}

/* Of what training adds, but for the gradients that op_macs knows. */
static uint64_t training_flops(const shunt_op_desc *desc)
{
    uint64_t first = shunt_tensor_count(&desc->inputs[0]), second = shunt_tensor_count(&desc->inputs[1]);
    uint64_t window = multiply((uint64_t)desc->attr.pool.window[0], (uint64_t)desc->attr.pool.window[1]);
    switch (desc->kind) {
    case SHUNT_OP_BATCH_STATISTICS: /* the sum; difference, square and sum */
        return 4 * first;
    case SHUNT_OP_BATCH_NORM_GRAD: /* two sums, a product; difference, product, two sums, product */
        return (desc->flags & SHUNT_FLAG_RELU ? 11 : 8) * first;
    case SHUNT_OP_RELU_GRAD:
        return first;
    case SHUNT_OP_MAX_POOL_GRAD:
        return multiply(second, window);
    case SHUNT_OP_AVG_POOL_GRAD:
        return multiply(first, window);
    case SHUNT_OP_GLOBAL_POOL_GRAD:
        return first;
    case SHUNT_OP_CROSS_ENTROPY: /* softmax, and the difference by N */
        return 6 * first;
    case SHUNT_OP_SGD:
        return (desc->flags & SHUNT_FLAG_NESTEROV ? 8 : 6) * first;
    case SHUNT_OP_MOVING_AVERAGE:
        return 4 * first;
    default:
        return 0; /* moves data only */
    }
}

uint64_t shunt_op_flops(const shunt_op_desc *desc)
{
    uint64_t src = shunt_tensor_count(&desc->inputs[0]), dst = shunt_tensor_count(&desc->outputs[0]);
    uint64_t relu = desc->flags & SHUNT_FLAG_RELU ? dst : 0;
    switch (desc->kind) {
    case SHUNT_OP_CONV:
    case SHUNT_OP_LINEAR:
    case SHUNT_OP_MATMUL:
    case SHUNT_OP_CONV_GRAD_SRC:
    case SHUNT_OP_CONV_GRAD_WEIGHTS:
    case SHUNT_OP_LINEAR_GRAD_SRC:
    case SHUNT_OP_LINEAR_GRAD_WEIGHTS:
        return multiply(2, op_macs(desc));
    case SHUNT_OP_BATCH_NORM:
        return 2 * dst + relu;
    case SHUNT_OP_ADD:
        return dst + relu;
    case SHUNT_OP_RELU:
        return dst;
    case SHUNT_OP_MAX_POOL:
    case SHUNT_OP_AVG_POOL:
        return multiply(dst, multiply((uint64_t)desc->attr.pool.window[0], (uint64_t)desc->attr.pool.window[1]));
    case SHUNT_OP_GLOBAL_POOL:
        return src;
    case SHUNT_OP_CLIP:
        return 2 * dst;
    case SHUNT_OP_SOFTMAX:
    case SHUNT_OP_LOG_SOFTMAX:
        return 4 * src; /* maximum, exponential, sum, division */
    default:
        return training_flops(desc);
    }
}

uint64_t shunt_op_bytes(const shunt_op_desc *desc)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < desc->ninputs; i++) bytes += shunt_tensor_bytes(&desc->inputs[i]);
    for (uint32_t i = 0; i < desc->noutputs; i++) bytes += shunt_tensor_bytes(&desc->outputs[i]);
    return bytes;
}

shunt_graph_cost shunt_graph_count(const shunt_graph *graph)
{
    shunt_graph_cost cost = {0};
    if (!graph) return cost;
    for (uint32_t i = 0; i < graph->nvalues; i++) {
        const graph_value *value = &graph->values[i];
        if (value->source == VALUE_PARAMETER && value->role <= SHUNT_ROLE_SHIFT)
            cost.parameters += shunt_tensor_count(&value->desc);
    }
    for (uint32_t i = 0; i < graph->nops; i++) {
        shunt_op_desc desc;
        shunt_graph_op_desc(graph, &graph->ops[i], &desc);
        cost.macs += op_macs(&desc);
    }
    return cost;
}
