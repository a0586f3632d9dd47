/* infer.c - what shape each op makes, and why it refuses its inputs; infer_training.c has the kinds of training,
 * infer_shape.c those that rearrange.
 * One function per kind checks ranks, sizes and attributes and fills the outputs; arithmetic cannot overflow, for
 * tensors are limited to MOST_ELEMENTS before anything is computed from them. */
#include "runtime/graph/infer.h"
#include "runtime/error.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Leaves room for a channel block's padding and for bytes in 64 bits. */
static const int64_t MOST_ELEMENTS = (int64_t)1 << 40;

bool infer_refuse(char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, SHUNT_REASON_CHARS, format, args);
    va_end(args);
    return false;
}

bool graph_check_desc(const shunt_tensor_desc *desc, const char *what, char *reason)
{
    if (desc->dtype != SHUNT_F32 && desc->dtype != SHUNT_F64)
        return infer_refuse(reason, "%s is neither float32 nor float64", what);
    if (desc->rank > SHUNT_MAX_RANK)
        return infer_refuse(reason, "%s has rank %d, more than %d", what, desc->rank, SHUNT_MAX_RANK);
    int64_t count = 1;
    for (uint32_t i = 0; i < desc->rank; i++) {
        int64_t dim = desc->dims[i];
        if (dim < 1) return infer_refuse(reason, "%s has a dimension of %lld", what, (long long)dim);
        if (dim > MOST_ELEMENTS / count) return infer_refuse(reason, "%s has more than 2^40 elements", what);
        count *= dim;
    }
    return true;
}

bool infer_check_rank(const shunt_op_desc *op, uint32_t input, uint32_t rank, const char *what, char *reason)
{
    if (op->inputs[input].rank == rank) return true;
    return infer_refuse(reason, "%s has rank %d, not %u", what, op->inputs[input].rank, rank);
}

bool infer_check_vector(const shunt_op_desc *op, uint32_t input, int64_t length, const char *what, char *reason)
{
    const shunt_tensor_desc *t = &op->inputs[input];
    if (t->rank == 1 && t->dims[0] == length) return true;
    return infer_refuse(reason, "%s is not a vector of %lld", what, (long long)length);
}

bool infer_same_dims(const shunt_tensor_desc *a, const shunt_tensor_desc *b)
{
    return a->rank == b->rank && !memcmp(a->dims, b->dims, sizeof a->dims);
}

shunt_tensor_desc infer_plain(const shunt_op_desc *op, uint32_t rank, int64_t n, int64_t c, int64_t h, int64_t w)
{
    uint8_t dtype = op->inputs[0].dtype;
    return (shunt_tensor_desc){.dtype = dtype, .rank = (uint8_t)rank, .block = SHUNT_PLAIN, .dims = {n, c, h, w}};
}

/* Places of a window along one axis: (size + padding - extent) / stride + 1. */
static bool slide(int64_t size, int64_t window, int32_t dilation, int32_t stride, int32_t before, int32_t after,
                  int64_t *places, char *reason)
{
    if (stride < 1) return infer_refuse(reason, "stride %d is less than 1", stride);
    if (dilation < 1) return infer_refuse(reason, "dilation %d is less than 1", dilation);
    if (before < 0 || after < 0) return infer_refuse(reason, "padding %d, %d is negative", before, after);
    if (window < 1 || window > INT32_MAX) return infer_refuse(reason, "a window of %lld", (long long)window);
    int64_t extent = dilation * (window - 1) + 1, padded = size + before + after;
    if (extent > padded)
        return infer_refuse(reason, "a window of %lld does not fit into the padded size %lld", (long long)extent,
                            (long long)padded);
    *places = (padded - extent) / stride + 1;
    return true;
}

static bool infer_conv(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_conv_attr *a = &op->attr.conv;
    const int64_t *src = op->inputs[0].dims, *weights = op->inputs[1].dims; /* N C H W, K C/groups R S */
    if (!infer_check_rank(op, 0, 4, "src", reason) || !infer_check_rank(op, 1, 4, "weights", reason)) return false;
    if (a->groups < 1) return infer_refuse(reason, "%d groups", a->groups);
    if (src[1] % a->groups || weights[0] % a->groups)
        return infer_refuse(reason, "%d groups do not divide %lld input and %lld output channels", a->groups,
                            (long long)src[1], (long long)weights[0]);
    if (weights[1] != src[1] / a->groups)
        return infer_refuse(reason, "weights are for %lld channels a group, src has %lld", (long long)weights[1],
                            (long long)(src[1] / a->groups));
    int64_t pq[2];
    for (int i = 0; i < 2; i++)
        if (!slide(src[2 + i], weights[2 + i], a->dilation[i], a->stride[i], a->pad_before[i], a->pad_after[i], &pq[i],
                   reason))
            return false;
    *dst = infer_plain(op, 4, src[0], weights[0], pq[0], pq[1]);
    uint32_t next = 2;
    if (op->flags & SHUNT_FLAG_BIAS && !infer_check_vector(op, next++, weights[0], "bias", reason)) return false;
    if (op->flags & SHUNT_FLAG_RESIDUAL && !infer_same_dims(&op->inputs[next], dst))
        return infer_refuse(reason, "the residual has not the shape of dst");
    return true;
}

static bool infer_linear(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const int64_t *src = op->inputs[0].dims, *weights = op->inputs[1].dims; /* N C, K C */
    if (!infer_check_rank(op, 0, 2, "src", reason) || !infer_check_rank(op, 1, 2, "weights", reason)) return false;
    if (src[1] != weights[1])
        return infer_refuse(reason, "weights are for %lld channels, src has %lld", (long long)weights[1],
                            (long long)src[1]);
    *dst = infer_plain(op, 2, src[0], weights[0], 0, 0);
    return !(op->flags & SHUNT_FLAG_BIAS) || infer_check_vector(op, 2, weights[0], "bias", reason);
}

bool infer_same(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    (void)reason;
    *dst = op->inputs[0];
    dst->block = SHUNT_PLAIN;
    return true;
}

static bool infer_batch_norm(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    static const char *const names[] = {"src", "scale", "shift", "mean", "variance"};
    if (op->inputs[0].rank < 2) return infer_refuse(reason, "src has rank %d, not 2 or more", op->inputs[0].rank);
    for (uint32_t i = 1; i < 5; i++)
        if (!infer_check_vector(op, i, op->inputs[0].dims[1], names[i], reason)) return false;
    float epsilon = op->attr.batch_norm.epsilon;
    if (!isfinite(epsilon) || epsilon < 0) return infer_refuse(reason, "epsilon is %g", (double)epsilon);
    if (op->flags & SHUNT_FLAG_RESIDUAL && !infer_same_dims(&op->inputs[5], &op->inputs[0]))
        return infer_refuse(reason, "the residual has not the shape of dst");
    return infer_same(op, dst, reason);
}

/* Axes of 1 are repeated to the other's size. */
static bool infer_broadcast(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
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

static bool infer_add(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    if (op->flags & SHUNT_FLAG_BROADCAST) return infer_broadcast(op, dst, reason);
    if (!infer_same_dims(&op->inputs[0], &op->inputs[1])) return infer_refuse(reason, "the two inputs differ in shape");
    return infer_same(op, dst, reason);
}

/* No window may lie in the padding alone: it would have no maximum, and no mean. */
static bool infer_pool(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_pool_attr *a = &op->attr.pool;
    const int64_t *src = op->inputs[0].dims;
    if (!infer_check_rank(op, 0, 4, "src", reason)) return false;
    int64_t pq[2];
    for (int i = 0; i < 2; i++) {
        int32_t dilation = op->flags & SHUNT_FLAG_DILATED ? a->dilation[i] : 1;
        if (!slide(src[2 + i], a->window[i], dilation, a->stride[i], a->pad_before[i], a->pad_after[i], &pq[i], reason))
            return false;
        if (a->pad_before[i] > (int64_t)dilation * (a->window[i] - 1) ||
            (pq[i] - 1) * a->stride[i] - a->pad_before[i] >= src[2 + i])
            return infer_refuse(reason, "a window lies wholly in the padding");
    }
    *dst = infer_plain(op, 4, src[0], src[1], pq[0], pq[1]);
    return true;
}

static bool infer_global_pool(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    *dst = infer_plain(op, 2, op->inputs[0].dims[0], op->inputs[0].dims[1], 0, 0);
    return infer_check_rank(op, 0, 4, "src", reason);
}

static bool infer_softmax(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    return infer_check_rank(op, 0, 2, "src", reason) && infer_same(op, dst, reason);
}

static bool infer_shortcut(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_shortcut_attr *a = &op->attr.shortcut;
    const int64_t *src = op->inputs[0].dims;
    if (!infer_check_rank(op, 0, 4, "src", reason)) return false;
    if (a->stride < 1) return infer_refuse(reason, "stride %d is less than 1", a->stride);
    if (a->lead < 0) return infer_refuse(reason, "%d leading channels", a->lead);
    int64_t channels = op->outputs[0].rank == 4 ? op->outputs[0].dims[1] : src[1] + 2 * (int64_t)a->lead;
    if (channels < src[1] + a->lead)
        return infer_refuse(reason, "%lld channels do not hold %d zero and %lld old ones", (long long)channels, a->lead,
                            (long long)src[1]);
    *dst = infer_plain(op, 4, src[0], channels, (src[2] - 1) / a->stride + 1, (src[3] - 1) / a->stride + 1);
    return true;
}

static const infer_rule rules[SHUNT_OP_KINDS] = {
    [SHUNT_OP_CONV] = {2, 1, SHUNT_FLAG_BIAS | SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU,
                       SHUNT_FLAG_BIAS | SHUNT_FLAG_RESIDUAL, 0, infer_conv},
    [SHUNT_OP_LINEAR] = {2, 1, SHUNT_FLAG_BIAS | SHUNT_FLAG_RELU, SHUNT_FLAG_BIAS, 0, infer_linear},
    [SHUNT_OP_BATCH_NORM] = {5, 1, SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU, SHUNT_FLAG_RESIDUAL, 0, infer_batch_norm},
    [SHUNT_OP_RELU] = {1, 1, 0, 0, 0, infer_same},
    [SHUNT_OP_ADD] = {2, 1, SHUNT_FLAG_RELU | SHUNT_FLAG_BROADCAST, 0, 0, infer_add},
    [SHUNT_OP_MAX_POOL] = {1, 1, SHUNT_FLAG_DILATED, 0, 0, infer_pool},
    [SHUNT_OP_AVG_POOL] = {1, 1, SHUNT_FLAG_DILATED, 0, 0, infer_pool},
    [SHUNT_OP_GLOBAL_POOL] = {1, 1, 0, 0, 0, infer_global_pool},
    [SHUNT_OP_SOFTMAX] = {1, 1, 0, 0, 0, infer_softmax},
    [SHUNT_OP_SHORTCUT] = {1, 1, 0, 0, 0, infer_shortcut},
    [SHUNT_OP_REORDER] = {1, 1, 0, 0, 0, infer_same},
    [SHUNT_OP_LOG_SOFTMAX] = {1, 1, 0, 0, 0, infer_softmax},
};

static const infer_rule *find_rule(uint32_t kind)
{
    const infer_rule *rule = kind < SHUNT_OP_KINDS && rules[kind].infer ? &rules[kind] : NULL;
    if (!rule) rule = infer_training_rule(kind);
    return rule ? rule : infer_shape_rule(kind);
}

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, uint32_t *noutputs, char *reason)
{
    const infer_rule *rule = find_rule(op->kind);
    if (!rule) return infer_refuse(reason, "no op has kind %u", op->kind);
    if (op->flags & ~rule->flags) return infer_refuse(reason, "flags 0x%x are not this op's", op->flags & ~rule->flags);
    uint32_t expected = rule->ninputs + (uint32_t)__builtin_popcount(op->flags & rule->input_flags);
    if (op->ninputs != expected) return infer_refuse(reason, "%u inputs instead of %u", op->ninputs, expected);
    for (uint32_t i = 0; i < op->ninputs; i++) {
        char what[24];
        snprintf(what, sizeof what, "input %u", i);
        if (!graph_check_desc(&op->inputs[i], what, reason)) return false;
        if (op->inputs[i].dtype != op->inputs[0].dtype)
            return infer_refuse(reason, "input %u is of another type than input 0", i);
    }
    *noutputs = rule->noutputs + (uint32_t)__builtin_popcount(op->flags & rule->output_flags);
    if (!rule->infer(op, outputs, reason)) return false;
    for (uint32_t i = 0; i < *noutputs; i++)
        if (!graph_check_desc(&outputs[i], "dst", reason)) return false;
    return true;
}

bool infer_forward(const shunt_op_desc *forward, const shunt_tensor_desc *diff_dst, char *reason)
{
    shunt_tensor_desc dst[SHUNT_MAX_OUTPUTS];
    uint32_t count;
    if (!infer(forward, dst, &count, reason)) return false;
    return infer_same_dims(&dst[0], diff_dst) || infer_refuse(reason, "diff_dst has not the shape of dst");
}

shunt_status shunt_infer_op(const shunt_op_desc *desc, shunt_tensor_desc outputs[SHUNT_MAX_OUTPUTS], uint32_t *noutputs,
                            char *reason)
{
    shunt_tensor_desc made[SHUNT_MAX_OUTPUTS] = {{0}};
    uint32_t count = 0;
    reason[0] = 0;
    if (!infer(desc, made, &count, reason)) return shunt_fail(SHUNT_E_INVALID, "%s", reason);
    memcpy(outputs, made, count * sizeof made[0]);
    *noutputs = count;
    return SHUNT_OK;
}

static shunt_status infer_all(shunt_graph *graph)
{
    for (uint32_t i = 0; i < graph->nops; i++) {
        const graph_op *op = &graph->ops[i];
        shunt_op_desc desc;
        shunt_tensor_desc outputs[SHUNT_MAX_OUTPUTS];
        uint32_t noutputs;
        char reason[SHUNT_REASON_CHARS];
        shunt_graph_op_desc(graph, op, &desc);
        shunt_status status = shunt_infer_op(&desc, outputs, &noutputs, reason);
        if (status) return shunt_fail_context(status, "%s", op->name);
        for (uint32_t o = 0; o < op->noutputs; o++) graph->values[op->outputs[o]].desc = outputs[o];
    }
    return SHUNT_OK;
}

static bool same_inputs(const shunt_graph *graph, const shunt_tensor_desc *inputs)
{
    for (uint32_t i = 0; i < graph->ninputs; i++)
        if (!infer_same_dims(&inputs[i], &graph->values[graph->inputs[i]].desc)) return false;
    return true;
}

shunt_status shunt_graph_reshape(shunt_graph *graph, const shunt_tensor_desc *inputs, size_t ninputs)
{
    char reason[SHUNT_REASON_CHARS];
    if (ninputs != graph->ninputs)
        return shunt_fail(SHUNT_E_INVALID, "%zu inputs given to a graph of %u", ninputs, graph->ninputs);
    for (size_t i = 0; i < ninputs; i++) {
        const graph_value *value = &graph->values[graph->inputs[i]];
        if (!graph_check_desc(&inputs[i], value->name, reason)) return shunt_fail(SHUNT_E_INVALID, "%s", reason);
        if (inputs[i].rank != value->desc.rank)
            return shunt_fail(SHUNT_E_INVALID, "%s has rank %d, not %d", value->name, inputs[i].rank, value->desc.rank);
    }
    if (shunt_graph_trains(graph) && !same_inputs(graph, inputs))
        return shunt_fail(SHUNT_E_UNSUPPORTED,
                          "a graph that trains takes inputs of just the shapes that it was made for");
    shunt_tensor_desc *old = malloc((graph->nvalues + (size_t)1) * sizeof *old);
    if (!old) return shunt_fail_memory();
    for (uint32_t i = 0; i < graph->nvalues; i++) old[i] = graph->values[i].desc;
    for (size_t i = 0; i < ninputs; i++) {
        shunt_tensor_desc *desc = &graph->values[graph->inputs[i]].desc;
        memcpy(desc->dims, inputs[i].dims, desc->rank * sizeof *desc->dims);
        desc->block = SHUNT_PLAIN;
    }
    shunt_status status = infer_all(graph);
    if (status) /* as it was */
        for (uint32_t i = 0; i < graph->nvalues; i++) graph->values[i].desc = old[i];
    free(old);
    return status;
}
