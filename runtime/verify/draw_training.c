/* draw_training.c - draws of the kinds that training adds. A gradient is drawn as the op that it belongs to, whose
 * tensors then take their places in it. */
#include "runtime/verify/dice.h"

#include "runtime/base/random.h"

#include <math.h>

/* A drawn op of the kind, one that has a gradient; `op` has its attributes. */
static shunt_op_desc forward(dice *d, uint32_t kind, shunt_op_desc *op)
{
    shunt_op_desc made;
    do {
        made = (shunt_op_desc){.kind = kind, .noutputs = 1};
        dice_draws[kind](d, &made);
    } while (made.flags & SHUNT_FLAG_DILATED);
    op->attr = made.attr;
    return made;
}

static void draw_batch_statistics(dice *d, shunt_op_desc *op)
{
    shunt_op_desc norm = forward(d, SHUNT_OP_BATCH_NORM, op);
    op->attr = (shunt_op_attr){0};
    dice_input(op, norm.inputs[0], 0);
    op->noutputs = 2;
    op->outputs[0] = op->outputs[1] = norm.inputs[1];
}

/* A channel of one element has no variance, and a gradient that is 0. */
static void draw_batch_norm_grad(dice *d, shunt_op_desc *op)
{
    shunt_op_desc norm = forward(d, SHUNT_OP_BATCH_NORM, op);
    for (uint32_t i = 0; i < 5; i++) dice_input(op, norm.inputs[i], 0);
    dice_input(op, norm.outputs[0], 0);
    op->flags = norm.flags & SHUNT_FLAG_RELU;
    op->noutputs = 3;
    op->outputs[0] = norm.inputs[0];
    op->outputs[1] = op->outputs[2] = norm.inputs[1];
}

static void draw_relu_grad(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = forward(d, SHUNT_OP_RELU, op).outputs[0];
    dice_input(op, op->outputs[0], 0);
    dice_input(op, op->outputs[0], 0);
}

static void draw_conv_grad_src(dice *d, shunt_op_desc *op)
{
    shunt_op_desc conv = forward(d, SHUNT_OP_CONV, op);
    op->flags = (dice_one_in(d, 2) ? SHUNT_FLAG_RESIDUAL : 0) | (dice_one_in(d, 2) ? SHUNT_FLAG_RELU : 0);
    op->outputs[0] = conv.inputs[0];
    dice_input(op, conv.inputs[1], 0);
    dice_input(op, conv.outputs[0], 0);
    if (op->flags & SHUNT_FLAG_RESIDUAL) dice_input(op, op->outputs[0], 0);
    if (op->flags & SHUNT_FLAG_RELU) dice_input(op, op->outputs[0], 0);
}

/* Of a convolution or a linear layer. */
static void draw_grad_weights(dice *d, shunt_op_desc *op)
{
    shunt_op_desc made = forward(d, op->kind == SHUNT_OP_CONV_GRAD_WEIGHTS ? SHUNT_OP_CONV : SHUNT_OP_LINEAR, op);
    dice_input(op, made.inputs[0], 0);
    dice_input(op, made.outputs[0], 0);
    op->outputs[0] = made.inputs[1];
    if (!dice_one_in(d, 2)) return;
    op->flags = SHUNT_FLAG_BIAS;
    op->noutputs = 2;
    op->outputs[1] = dice_tensor(1, made.inputs[1].dims[0], 0, 0, 0);
}

static void draw_linear_grad_src(dice *d, shunt_op_desc *op)
{
    shunt_op_desc linear = forward(d, SHUNT_OP_LINEAR, op);
    dice_input(op, linear.inputs[1], 0);
    dice_input(op, linear.outputs[0], 0);
    op->outputs[0] = linear.inputs[0];
}

static void draw_max_pool_grad(dice *d, shunt_op_desc *op)
{
    shunt_op_desc pool = forward(d, SHUNT_OP_MAX_POOL, op);
    dice_input(op, pool.inputs[0], 0);
    dice_input(op, pool.outputs[0], 0);
    op->outputs[0] = pool.inputs[0];
}

/* Of a kind whose gradient reads diff_dst only. */
static void draw_linear_kind(dice *d, uint32_t kind, shunt_op_desc *op)
{
    shunt_op_desc made = forward(d, kind, op);
    dice_input(op, made.outputs[0], 0);
    op->outputs[0] = made.inputs[0];
}

static void draw_avg_pool_grad(dice *d, shunt_op_desc *op)
{
    draw_linear_kind(d, SHUNT_OP_AVG_POOL, op);
}

static void draw_global_pool_grad(dice *d, shunt_op_desc *op)
{
    draw_linear_kind(d, SHUNT_OP_GLOBAL_POOL, op);
}

static void draw_shortcut_grad(dice *d, shunt_op_desc *op)
{
    draw_linear_kind(d, SHUNT_OP_SHORTCUT, op);
}

static void draw_cross_entropy(dice *d, shunt_op_desc *op)
{
    op->outputs[1] = forward(d, SHUNT_OP_SOFTMAX, op).inputs[0];
    op->outputs[0] = dice_tensor(1, op->outputs[1].dims[0], 0, 0, 0);
    op->noutputs = 2;
    dice_input(op, op->outputs[1], 0);
    dice_input(op, op->outputs[0], 0);
    op->attr.cross_entropy.smoothing = dice_one_in(d, 2) ? 0 : (float)dice_between(d, 1, 10) / 10;
}

/* Weights of a convolution or a linear layer, or a vector. */
static shunt_tensor_desc draw_parameter(dice *d)
{
    shunt_op_desc unused = {0};
    uint32_t kind = dice_one_in(d, 2) ? SHUNT_OP_CONV : SHUNT_OP_LINEAR;
    shunt_tensor_desc weights = forward(d, kind, &unused).inputs[1];
    return dice_one_in(d, 3) ? dice_tensor(1, dice_between(d, 1, 5000), 0, 0, 0) : weights;
}

static void draw_sgd(dice *d, shunt_op_desc *op)
{
    shunt_tensor_desc weights = draw_parameter(d);
    for (int i = 0; i < 3; i++) dice_input(op, weights, 0);
    dice_input(op, dice_tensor(1, 1, 0, 0, 0), 0);
    op->noutputs = 2;
    op->outputs[0] = op->outputs[1] = weights;
    op->flags = dice_one_in(d, 2) ? SHUNT_FLAG_NESTEROV : 0;
    op->attr.sgd.momentum = dice_one_in(d, 4) ? 0 : 0.9f;
    op->attr.sgd.weight_decay = dice_one_in(d, 4) ? 0 : 1e-2f;
}

static void draw_moving_average(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = draw_parameter(d);
    dice_input(op, op->outputs[0], 0);
    dice_input(op, op->outputs[0], 0);
    op->attr.moving_average =
        (shunt_moving_average_attr){(float)dice_between(d, 0, 10) / 10, dice_one_in(d, 2) ? 1 : 1.25f};
}

dice_draw *const dice_training_draws[SHUNT_OP_KINDS] = {
    [SHUNT_OP_BATCH_STATISTICS] = draw_batch_statistics,
    [SHUNT_OP_BATCH_NORM_GRAD] = draw_batch_norm_grad,
    [SHUNT_OP_RELU_GRAD] = draw_relu_grad,
    [SHUNT_OP_CONV_GRAD_SRC] = draw_conv_grad_src,
    [SHUNT_OP_CONV_GRAD_WEIGHTS] = draw_grad_weights,
    [SHUNT_OP_LINEAR_GRAD_SRC] = draw_linear_grad_src,
    [SHUNT_OP_LINEAR_GRAD_WEIGHTS] = draw_grad_weights,
    [SHUNT_OP_MAX_POOL_GRAD] = draw_max_pool_grad,
    [SHUNT_OP_AVG_POOL_GRAD] = draw_avg_pool_grad,
    [SHUNT_OP_GLOBAL_POOL_GRAD] = draw_global_pool_grad,
    [SHUNT_OP_SHORTCUT_GRAD] = draw_shortcut_grad,
    [SHUNT_OP_CROSS_ENTROPY] = draw_cross_entropy,
    [SHUNT_OP_SGD] = draw_sgd,
    [SHUNT_OP_MOVING_AVERAGE] = draw_moving_average,
};

/* Mean or variance of channel c of a batch norm's src, whose stream is `key`. */
static double statistic(const shunt_tensor_desc *src, uint64_t key, uint64_t c, int variance)
{
    uint64_t C = (uint64_t)src->dims[1], m = shunt_tensor_count(src) / C, area = m / (uint64_t)src->dims[0];
    double mean = 0, sum = 0;
    for (uint64_t i = 0; i < m; i++)
        mean += (2 * shunt_random_at(key, (i / area * C + c) * area + i % area) - 1) / (double)m;
    if (!variance) return mean;
    for (uint64_t i = 0; i < m; i++)
        sum += pow(2 * shunt_random_at(key, (i / area * C + c) * area + i % area) - 1 - mean, 2);
    return sum / (double)m;
}

/* What is drawn is in [0, 1); a max pool gets sixteen values, so that there are equal ones in a window. */
void dice_training_input(const shunt_op_desc *desc, const char *name, uint32_t input, double *values)
{
    uint64_t key = dice_input_key(name, input), src = dice_input_key(name, 0);
    for (uint64_t i = 0; i < shunt_tensor_count(&desc->inputs[input]); i++) {
        double u = shunt_random_at(key, i);
        values[i] = 2 * u - 1;
        if (desc->kind == SHUNT_OP_BATCH_NORM_GRAD && (input == 3 || input == 4))
            values[i] = statistic(&desc->inputs[0], src, i, input == 4);
        if (desc->kind == SHUNT_OP_MAX_POOL_GRAD && input == 0) values[i] = floor(16 * u) / 8 - 1;
        if (desc->kind == SHUNT_OP_CROSS_ENTROPY && input == 1) values[i] = floor(u * (double)desc->inputs[0].dims[1]);
        if (desc->kind == SHUNT_OP_SGD && input == 3) values[i] = u;
    }
}
