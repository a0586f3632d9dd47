/* infer_training.c - shapes of the kinds that training adds.
 * A gradient is checked by its forward op: that must accept the shapes, and make what diff_dst is the gradient of. Where
 * they do not follow from the inputs (a stride leaves them open), C, H, W of diff_src and all of diff_weights are those
 * that desc->outputs has already. */
#include "runtime/graph/infer.h"

#include <math.h>
#include <string.h>

static bool is_fraction(float value, const char *what, char *reason)
{
    return (value >= 0 && value <= 1) || infer_refuse(reason, "%s is %g, not in 0 .. 1", what, (double)value);
}

/* A forward op of the kind with src and diff_dst's attributes. */
static shunt_op_desc forward_op(const shunt_op_desc *op, uint32_t kind, const shunt_tensor_desc *src)
{
    shunt_op_desc forward = {.kind = kind, .ninputs = 1, .attr = op->attr};
    forward.inputs[0] = *src;
    return forward;
}

/* The shape that output `index` was given, for a batch of n. */
static bool given(const shunt_op_desc *op, uint32_t index, uint32_t rank, shunt_tensor_desc *out, char *reason)
{
    const int64_t *dims = op->outputs[index].dims;
    if (op->noutputs <= index || op->outputs[index].rank != rank)
        return infer_refuse(reason, "the shape of output %u is not given", index);
    *out = infer_plain(op, rank, dims[0], dims[1], dims[2], dims[3]);
    return true;
}

static bool given_diff_src(const shunt_op_desc *op, int64_t N, shunt_tensor_desc *out, char *reason)
{
    if (!given(op, 0, 4, out, reason)) return false;
    out->dims[0] = N;
    return true;
}

static bool statistics(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (op->inputs[0].rank < 2) return infer_refuse(reason, "src has rank %d, not 2 or more", op->inputs[0].rank);
    outputs[0] = outputs[1] = infer_plain(op, 1, op->inputs[0].dims[1], 0, 0, 0);
    return true;
}

static bool batch_norm_grad(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    shunt_op_desc forward = forward_op(op, SHUNT_OP_BATCH_NORM, &op->inputs[0]);
    memcpy(forward.inputs, op->inputs, sizeof op->inputs);
    forward.ninputs = 5;
    if (!infer_forward(&forward, &op->inputs[5], reason)) return false;
    outputs[0] = op->inputs[0];
    outputs[0].block = SHUNT_PLAIN;
    outputs[1] = outputs[2] = op->inputs[1];
    return true;
}

static bool relu_grad(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (!infer_same_dims(&op->inputs[0], &op->inputs[1]))
        return infer_refuse(reason, "dst and diff_dst differ in shape");
    outputs[0] = op->inputs[0];
    outputs[0].block = SHUNT_PLAIN;
    return true;
}

static bool check_conv(const shunt_op_desc *op, uint32_t kind, const shunt_tensor_desc *src,
                       const shunt_tensor_desc *weights, char *reason)
{
    shunt_op_desc forward = forward_op(op, kind, src);
    forward.inputs[forward.ninputs++] = *weights;
    return infer_forward(&forward, &op->inputs[1], reason);
}

static bool conv_grad_src(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (!infer_check_rank(op, 1, 4, "diff_dst", reason) ||
        !given_diff_src(op, op->inputs[1].dims[0], &outputs[0], reason) ||
        !check_conv(op, SHUNT_OP_CONV, &outputs[0], &op->inputs[0], reason))
        return false;
    for (uint32_t i = 2; i < op->ninputs; i++)
        if (!infer_same_dims(&op->inputs[i], &outputs[0]))
            return infer_refuse(reason, "input %u has not the shape of diff_src", i);
    return true;
}

static bool conv_grad_weights(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (!given(op, 0, 4, &outputs[0], reason) || !check_conv(op, SHUNT_OP_CONV, &op->inputs[0], &outputs[0], reason))
        return false;
    outputs[1] = infer_plain(op, 1, outputs[0].dims[0], 0, 0, 0);
    return true;
}

static bool linear_grad_src(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (!infer_check_rank(op, 0, 2, "weights", reason) || !infer_check_rank(op, 1, 2, "diff_dst", reason)) return false;
    outputs[0] = infer_plain(op, 2, op->inputs[1].dims[0], op->inputs[0].dims[1], 0, 0);
    return check_conv(op, SHUNT_OP_LINEAR, &outputs[0], &op->inputs[0], reason);
}

static bool linear_grad_weights(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (!infer_check_rank(op, 0, 2, "src", reason) || !infer_check_rank(op, 1, 2, "diff_dst", reason)) return false;
    outputs[0] = infer_plain(op, 2, op->inputs[1].dims[1], op->inputs[0].dims[1], 0, 0);
    outputs[1] = infer_plain(op, 1, outputs[0].dims[0], 0, 0, 0);
    return check_conv(op, SHUNT_OP_LINEAR, &op->inputs[0], &outputs[0], reason);
}

static bool max_pool_grad(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    shunt_op_desc forward = forward_op(op, SHUNT_OP_MAX_POOL, &op->inputs[0]);
    outputs[0] = op->inputs[0];
    outputs[0].block = SHUNT_PLAIN;
    return infer_forward(&forward, &op->inputs[1], reason);
}

/* Of a kind that reads nothing but src. */
static bool grad_of(const shunt_op_desc *op, uint32_t kind, shunt_tensor_desc *outputs, char *reason)
{
    const shunt_tensor_desc *diff_dst = &op->inputs[0];
    if (diff_dst->rank < 2) return infer_refuse(reason, "diff_dst has rank %d", diff_dst->rank);
    if (!given_diff_src(op, diff_dst->dims[0], &outputs[0], reason)) return false;
    shunt_op_desc forward = forward_op(op, kind, &outputs[0]);
    forward.outputs[0] = *diff_dst; /* the channels of a shortcut */
    return infer_forward(&forward, diff_dst, reason);
}

static bool avg_pool_grad(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    return grad_of(op, SHUNT_OP_AVG_POOL, outputs, reason);
}

static bool global_pool_grad(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    return grad_of(op, SHUNT_OP_GLOBAL_POOL, outputs, reason);
}

static bool shortcut_grad(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    return grad_of(op, SHUNT_OP_SHORTCUT, outputs, reason);
}

static bool cross_entropy(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    const int64_t *logits = op->inputs[0].dims;
    if (!infer_check_rank(op, 0, 2, "logits", reason) || !infer_check_vector(op, 1, logits[0], "labels", reason))
        return false;
    outputs[0] = op->inputs[1];
    outputs[1] = op->inputs[0];
    return is_fraction(op->attr.cross_entropy.smoothing, "smoothing", reason);
}

static bool sgd(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    for (uint32_t i = 1; i < 3; i++)
        if (!infer_same_dims(&op->inputs[i], &op->inputs[0]))
            return infer_refuse(reason, "the %s has not the shape of the weights", i == 1 ? "velocity" : "gradient");
    float decay = op->attr.sgd.weight_decay;
    if (!isfinite(decay) || decay < 0) return infer_refuse(reason, "weight decay is %g", (double)decay);
    outputs[0] = op->inputs[0];
    outputs[1] = op->inputs[1];
    return infer_check_vector(op, 3, 1, "rate", reason) && is_fraction(op->attr.sgd.momentum, "momentum", reason);
}

static bool moving_average(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason)
{
    if (!infer_same_dims(&op->inputs[0], &op->inputs[1])) return infer_refuse(reason, "the two inputs differ in shape");
    float scale = op->attr.moving_average.scale;
    if (!isfinite(scale)) return infer_refuse(reason, "scale is %g", (double)scale);
    outputs[0] = op->inputs[0];
    return is_fraction(op->attr.moving_average.rate, "rate", reason);
}

static const infer_rule rules[SHUNT_OP_KINDS] = {
    [SHUNT_OP_BATCH_STATISTICS] = {1, 2, 0, 0, 0, statistics},
    [SHUNT_OP_BATCH_NORM_GRAD] = {6, 3, SHUNT_FLAG_RELU, 0, 0, batch_norm_grad},
    [SHUNT_OP_RELU_GRAD] = {2, 1, 0, 0, 0, relu_grad},
    [SHUNT_OP_CONV_GRAD_SRC] = {2, 1, SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU, SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU, 0,
                                conv_grad_src},
    [SHUNT_OP_CONV_GRAD_WEIGHTS] = {2, 1, SHUNT_FLAG_BIAS, 0, SHUNT_FLAG_BIAS, conv_grad_weights},
    [SHUNT_OP_LINEAR_GRAD_SRC] = {2, 1, 0, 0, 0, linear_grad_src},
    [SHUNT_OP_LINEAR_GRAD_WEIGHTS] = {2, 1, SHUNT_FLAG_BIAS, 0, SHUNT_FLAG_BIAS, linear_grad_weights},
    [SHUNT_OP_MAX_POOL_GRAD] = {2, 1, 0, 0, 0, max_pool_grad},
    [SHUNT_OP_AVG_POOL_GRAD] = {1, 1, 0, 0, 0, avg_pool_grad},
    [SHUNT_OP_GLOBAL_POOL_GRAD] = {1, 1, 0, 0, 0, global_pool_grad},
    [SHUNT_OP_SHORTCUT_GRAD] = {1, 1, 0, 0, 0, shortcut_grad},
    [SHUNT_OP_CROSS_ENTROPY] = {2, 2, 0, 0, 0, cross_entropy},
    [SHUNT_OP_SGD] = {4, 2, SHUNT_FLAG_NESTEROV, 0, 0, sgd},
    [SHUNT_OP_MOVING_AVERAGE] = {2, 1, 0, 0, 0, moving_average},
};

const infer_rule *infer_training_rule(uint32_t kind)
{
    return kind < SHUNT_OP_KINDS && rules[kind].infer ? &rules[kind] : NULL;
}
