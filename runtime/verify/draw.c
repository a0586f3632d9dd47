/* draw.c - see draw.h. */
#include "runtime/verify/draw.h"

#include "runtime/graph/graph.h"
#include "runtime/base/random.h"
#include "runtime/verify/dice.h"

#include <stdio.h>
#include <string.h>

int64_t dice_between(dice *d, int64_t low, int64_t high)
{
    return low + (int64_t)(shunt_random_at(d->key, d->next++) * (double)(high - low + 1));
}

int dice_one_in(dice *d, int64_t n)
{
    return dice_between(d, 1, n) == 1;
}

shunt_tensor_desc dice_tensor(uint32_t rank, int64_t n, int64_t c, int64_t h, int64_t w)
{
    shunt_tensor_desc made = {.dtype = SHUNT_F32, .rank = (uint8_t)rank, .block = SHUNT_PLAIN};
    int64_t dims[4] = {n, c, h, w};
    memcpy(made.dims, dims, rank * sizeof *dims);
    return made;
}

void dice_input(shunt_op_desc *op, shunt_tensor_desc desc, int constant)
{
    if (constant) op->constant_inputs |= 1u << op->ninputs;
    op->inputs[op->ninputs++] = desc;
}

static int64_t places(int64_t length, int64_t window, int64_t stride, int64_t dilation, int64_t padding)
{
    return (length + padding - (dilation * (window - 1) + 1)) / stride + 1;
}

/* What networks are made of: 1x1 and 3x3, stride 1 or 2, size kept. */
static void draw_common_window(dice *d, shunt_conv_attr *a, int64_t *window)
{
    int64_t size = dice_one_in(d, 3) ? 1 : 3;
    int32_t stride = dice_one_in(d, 3) ? 2 : 1;
    for (int i = 0; i < 2; i++) {
        window[i] = size;
        a->stride[i] = stride;
        a->dilation[i] = 1;
        a->pad_before[i] = a->pad_after[i] = (int32_t)size / 2;
    }
}

static void draw_odd_window(dice *d, shunt_conv_attr *a, int64_t *window)
{
    for (int i = 0; i < 2; i++) {
        window[i] = dice_between(d, 1, dice_one_in(d, 5) ? 7 : 4);
        a->stride[i] = (int32_t)dice_between(d, 1, 3);
        a->dilation[i] = (int32_t)(dice_one_in(d, 2) ? 1 : dice_between(d, 1, 3));
        a->pad_before[i] = (int32_t)dice_between(d, 0, window[i]);
        a->pad_after[i] = (int32_t)dice_between(d, 0, window[i]);
    }
}

static void draw_conv(dice *d, shunt_op_desc *op)
{
    shunt_conv_attr *a = &op->attr.conv;
    int64_t window[2], size[2], result[2];
    if (dice_one_in(d, 2))
        draw_common_window(d, a, window);
    else
        draw_odd_window(d, a, window);
    for (int i = 0; i < 2; i++) {
        int64_t padding = a->pad_before[i] + a->pad_after[i], extent = a->dilation[i] * (window[i] - 1) + 1;
        int64_t least = extent > padding ? extent - padding : 1;
        size[i] = dice_between(d, least, least + 14);
        result[i] = places(size[i], window[i], a->stride[i], a->dilation[i], padding);
    }
    a->groups = (int32_t)(dice_one_in(d, 4) ? dice_between(d, 2, 9) : 1);
    int64_t most = dice_one_in(d, 8) ? 150 : a->groups > 1 ? 3 : 20, N = dice_between(d, 1, 3);
    int64_t C = dice_between(d, 1, most), K = dice_between(d, 1, most);
    op->flags = (uint32_t)dice_between(d, 0, 7);
    if (dice_one_in(d, 5)) { /* what fast paths are made for */
        C = (C + 15) / 16 * 16;
        K = (K + 63) / 64 * 64;
    }
    dice_input(op, dice_tensor(4, N, a->groups * C, size[0], size[1]), 0);
    dice_input(op, dice_tensor(4, a->groups * K, C, window[0], window[1]), 1);
    op->outputs[0] = dice_tensor(4, N, a->groups * K, result[0], result[1]);
    if (op->flags & SHUNT_FLAG_BIAS) dice_input(op, dice_tensor(1, a->groups * K, 0, 0, 0), 1);
    if (op->flags & SHUNT_FLAG_RESIDUAL) dice_input(op, op->outputs[0], 0);
}

static void draw_linear(dice *d, shunt_op_desc *op)
{
    int64_t N = dice_between(d, 1, 9), C = dice_between(d, 1, dice_one_in(d, 4) ? 600 : 40),
            K = dice_between(d, 1, dice_one_in(d, 4) ? 200 : 30);
    op->flags = (dice_one_in(d, 2) ? SHUNT_FLAG_BIAS : 0) | (dice_one_in(d, 2) ? SHUNT_FLAG_RELU : 0);
    dice_input(op, dice_tensor(2, N, C, 0, 0), 0);
    dice_input(op, dice_tensor(2, K, C, 0, 0), 1);
    if (op->flags & SHUNT_FLAG_BIAS) dice_input(op, dice_tensor(1, K, 0, 0, 0), 1);
    op->outputs[0] = dice_tensor(2, N, K, 0, 0);
}

/* An activation, one in four a matrix. */
static shunt_tensor_desc draw_activation(dice *d)
{
    int64_t n = dice_between(d, 1, 3), c = dice_between(d, 1, dice_one_in(d, 4) ? 70 : 20);
    if (dice_one_in(d, 4)) return dice_tensor(2, n, c, 0, 0);
    return dice_tensor(4, n, c, dice_between(d, 1, 13), dice_between(d, 1, 13));
}

/* Two inputs of rank 1 to 6 whose axes are alike, or 1 in one of them. */
static void draw_broadcast(dice *d, shunt_op_desc *op)
{
    shunt_tensor_desc a = {.dtype = SHUNT_F32, .rank = (uint8_t)dice_between(d, 1, 6), .block = SHUNT_PLAIN}, b = a,
                      dst = a;
    for (int i = 0; i < a.rank; i++) {
        int64_t which = dice_between(d, 0, 3);
        dst.dims[i] = dice_between(d, 1, 6);
        a.dims[i] = which == 1 ? 1 : dst.dims[i];
        b.dims[i] = which == 2 ? 1 : dst.dims[i];
    }
    op->flags = SHUNT_FLAG_BROADCAST | (dice_one_in(d, 2) ? SHUNT_FLAG_RELU : 0);
    dice_input(op, a, 0);
    dice_input(op, b, 0);
    op->outputs[0] = dst;
}

static void draw_elementwise(dice *d, shunt_op_desc *op)
{
    if (op->kind == SHUNT_OP_ADD && dice_one_in(d, 3)) {
        draw_broadcast(d, op);
        return;
    }
    op->outputs[0] = draw_activation(d);
    dice_input(op, op->outputs[0], 0);
    if (op->kind == SHUNT_OP_ADD) dice_input(op, op->outputs[0], 0);
    if ((op->kind == SHUNT_OP_ADD || op->kind == SHUNT_OP_BATCH_NORM) && dice_one_in(d, 2)) op->flags = SHUNT_FLAG_RELU;
    if (op->kind == SHUNT_OP_CLIP)
        op->attr.clip = (shunt_clip_attr){.low = -0.5f, .high = dice_one_in(d, 2) ? 0.25f : 6};
    for (int i = 0; op->kind == SHUNT_OP_BATCH_NORM && i < 4; i++)
        dice_input(op, dice_tensor(1, op->outputs[0].dims[1], 0, 0, 0), 1);
    if (op->kind == SHUNT_OP_BATCH_NORM) op->attr.batch_norm.epsilon = dice_one_in(d, 2) ? 1e-5f : 1e-3f;
    if (op->kind != SHUNT_OP_BATCH_NORM || !dice_one_in(d, 2)) return;
    op->flags |= SHUNT_FLAG_RESIDUAL;
    dice_input(op, op->outputs[0], 0);
}

static void draw_pool(dice *d, shunt_op_desc *op)
{
    shunt_pool_attr *a = &op->attr.pool;
    int64_t size[2], result[2], N = dice_between(d, 1, 3), C = dice_between(d, 1, 20);
    if (dice_one_in(d, 4)) op->flags = SHUNT_FLAG_DILATED;
    for (int i = 0; i < 2; i++) {
        int32_t dilation = op->flags ? a->dilation[i] = (int32_t)dice_between(d, 1, 3) : 1;
        a->window[i] = (int32_t)dice_between(d, 1, 4);
        a->stride[i] = (int32_t)dice_between(d, 1, 3);
        int32_t extent = dilation * (a->window[i] - 1) + 1;
        a->pad_before[i] = (int32_t)dice_between(d, 0, a->window[i] - 1);
        a->pad_after[i] = (int32_t)dice_between(d, 0, a->window[i] - 1);
        int64_t padding = a->pad_before[i] + a->pad_after[i], least = extent > padding ? extent - padding : 1;
        if (least < dilation) least = dilation; /* some of a window's elements lie inside */
        size[i] = dice_between(d, least, least + 12);
        result[i] = places(size[i], a->window[i], a->stride[i], dilation, padding);
    }
    a->count_padding = op->kind == SHUNT_OP_AVG_POOL && dice_one_in(d, 2);
    dice_input(op, dice_tensor(4, N, C, size[0], size[1]), 0);
    op->outputs[0] = dice_tensor(4, N, C, result[0], result[1]);
}

static void draw_global_pool(dice *d, shunt_op_desc *op)
{
    int64_t N = dice_between(d, 1, 3), C = dice_between(d, 1, 40);
    dice_input(op, dice_tensor(4, N, C, dice_between(d, 1, 15), dice_between(d, 1, 15)), 0);
    op->outputs[0] = dice_tensor(2, N, C, 0, 0);
}

static void draw_softmax(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_tensor(2, dice_between(d, 1, 9), dice_between(d, 1, dice_one_in(d, 4) ? 1100 : 30), 0, 0);
    dice_input(op, op->outputs[0], 0);
}

static void draw_shortcut(dice *d, shunt_op_desc *op)
{
    int64_t N = dice_between(d, 1, 3), C = dice_between(d, 1, 20), H = dice_between(d, 1, 15),
            W = dice_between(d, 1, 15);
    int64_t stride = dice_between(d, 1, 3), lead = dice_between(d, 0, 20), after = dice_between(d, 0, 20);
    op->attr.shortcut = (shunt_shortcut_attr){.stride = (int32_t)stride, .lead = (int32_t)lead};
    dice_input(op, dice_tensor(4, N, C, H, W), 0);
    op->outputs[0] = dice_tensor(4, N, lead + C + after, (H - 1) / stride + 1, (W - 1) / stride + 1);
}

static void draw_reorder(dice *d, shunt_op_desc *op)
{
    op->outputs[0] =
        dice_tensor(4, dice_between(d, 1, 3), dice_between(d, 1, 40), dice_between(d, 1, 13), dice_between(d, 1, 13));
    dice_input(op, op->outputs[0], 0);
}

/* Any rank from `least` to 6, of at most 6 elements an axis. */
static shunt_tensor_desc draw_tensor(dice *d, int64_t least)
{
    shunt_tensor_desc made = {.dtype = SHUNT_F32, .rank = (uint8_t)dice_between(d, least, 6), .block = SHUNT_PLAIN};
    for (int i = 0; i < made.rank; i++) made.dims[i] = dice_between(d, 1, 6);
    return made;
}

static void draw_transpose(dice *d, shunt_op_desc *op)
{
    int32_t *axes = op->attr.transpose.axes;
    shunt_tensor_desc src = draw_tensor(d, 1);
    dice_input(op, src, 0);
    op->outputs[0] = src;
    for (int i = 0; i < src.rank; i++) { /* each is put before some earlier one */
        int64_t at = dice_between(d, 0, i);
        memmove(axes + at + 1, axes + at, (size_t)(i - at) * sizeof *axes);
        axes[at] = i;
    }
    for (int i = 0; i < src.rank; i++) op->outputs[0].dims[i] = src.dims[axes[i]];
}

/* Two neighbouring axes become one. */
static void draw_reshape(dice *d, shunt_op_desc *op)
{
    shunt_reshape_attr *a = &op->attr.reshape;
    shunt_tensor_desc src = draw_tensor(d, 2), *dst = &op->outputs[0];
    int joined = (int)dice_between(d, 0, src.rank - 2);
    dice_input(op, src, 0);
    *dst = src;
    a->rank = dst->rank = src.rank - 1;
    for (int i = 0; i < dst->rank; i++) {
        dst->dims[i] = src.dims[i < joined ? i : i + 1] * (i == joined ? src.dims[joined] : 1);
        a->dims[i] = i < joined ? 0 : i == joined ? -1 : (int32_t)dst->dims[i];
    }
    dst->dims[dst->rank] = 0;
}

static void draw_concat(dice *d, shunt_op_desc *op)
{
    shunt_tensor_desc a = draw_tensor(d, 1), b = a;
    int axis = op->attr.concat.axis = (int32_t)dice_between(d, 0, a.rank - 1);
    b.dims[axis] = dice_between(d, 1, 9);
    dice_input(op, a, 0);
    dice_input(op, b, 0);
    op->outputs[0] = a;
    op->outputs[0].dims[axis] += b.dims[axis];
}

static void draw_pad(dice *d, shunt_op_desc *op)
{
    shunt_pad_attr *a = &op->attr.pad;
    shunt_tensor_desc src = draw_tensor(d, 1), dst = src;
    a->mode = (int32_t)dice_between(d, SHUNT_PAD_CONSTANT, SHUNT_PAD_EDGE);
    if (a->mode == SHUNT_PAD_CONSTANT) a->value = 0.5f;
    for (int i = 0; i < src.rank; i++) {
        int64_t size = src.dims[i], most = a->mode == SHUNT_PAD_REFLECT ? size - 1 : 3;
        a->before[i] = (int32_t)dice_between(d, dice_one_in(d, 4) ? -(size - 1) / 2 : 0, most);
        a->after[i] = (int32_t)dice_between(d, dice_one_in(d, 4) ? -(size - 1) / 2 : 0, most);
        dst.dims[i] += a->before[i] + a->after[i];
    }
    dice_input(op, src, 0);
    op->outputs[0] = dst;
}

static void draw_matmul(dice *d, shunt_op_desc *op)
{
    int64_t B = dice_between(d, 1, 4), M = dice_between(d, 1, 9), K = dice_between(d, 1, 30), N = dice_between(d, 1, 9);
    dice_input(op, dice_tensor(3, dice_one_in(d, 4) ? 1 : B, M, K, 0), 0);
    dice_input(op, dice_tensor(3, op->inputs[0].dims[0] == B && dice_one_in(d, 4) ? 1 : B, K, N, 0), 0);
    op->outputs[0] = dice_tensor(3, B, M, N, 0);
}

dice_draw *const dice_draws[SHUNT_OP_KINDS] = {
    [SHUNT_OP_CONV] = draw_conv,
    [SHUNT_OP_LINEAR] = draw_linear,
    [SHUNT_OP_BATCH_NORM] = draw_elementwise,
    [SHUNT_OP_RELU] = draw_elementwise,
    [SHUNT_OP_ADD] = draw_elementwise,
    [SHUNT_OP_MAX_POOL] = draw_pool,
    [SHUNT_OP_AVG_POOL] = draw_pool,
    [SHUNT_OP_GLOBAL_POOL] = draw_global_pool,
    [SHUNT_OP_SOFTMAX] = draw_softmax,
    [SHUNT_OP_SHORTCUT] = draw_shortcut,
    [SHUNT_OP_REORDER] = draw_reorder,
    [SHUNT_OP_TRANSPOSE] = draw_transpose,
    [SHUNT_OP_RESHAPE] = draw_reshape,
    [SHUNT_OP_CONCAT] = draw_concat,
    [SHUNT_OP_PAD] = draw_pad,
    [SHUNT_OP_CLIP] = draw_elementwise,
    [SHUNT_OP_LOG_SOFTMAX] = draw_softmax,
    [SHUNT_OP_MATMUL] = draw_matmul,
};

void draw_op(uint32_t kind, uint64_t seed, uint64_t index, shunt_op_desc *out)
{
    char name[48];
    snprintf(name, sizeof name, "%s/%llu", shunt_op_kind_name(kind), (unsigned long long)index);
    dice d = {.key = shunt_random_key(name, seed)};
    *out = (shunt_op_desc){.kind = kind, .noutputs = 1};
    (dice_draws[kind] ? dice_draws : dice_training_draws)[kind](&d, out);
    if (dice_one_in(&d, 4)) out->constant_inputs = 0; /* nothing may be packed */
}

uint64_t dice_input_key(const char *name, uint32_t input)
{
    char key_name[96];
    snprintf(key_name, sizeof key_name, "%s/%u", name, input);
    return shunt_random_key(key_name, 0);
}

void draw_input(const shunt_op_desc *desc, const char *name, uint32_t input, double *values)
{
    if (dice_training_draws[desc->kind]) {
        dice_training_input(desc, name, input, values);
        return;
    }
    uint64_t key = dice_input_key(name, input), count = shunt_tensor_count(&desc->inputs[input]);
    int variance = desc->kind == SHUNT_OP_BATCH_NORM && input == 4;
    for (uint64_t i = 0; i < count; i++) {
        double u = shunt_random_at(key, i);
        values[i] = variance ? 0.5 + u : 2 * u - 1;
    }
}
