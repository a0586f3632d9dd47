/* op_draw.c - see op_draw.h. */
#include "tests/support/op_draw.h"

#include "runtime/io/random.h"

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
};

const char *op_kind_name(uint32_t kind)
{
    return kind < SHUNT_OP_KINDS ? kind_names[kind] : NULL;
}

/* A stream of draws. */
typedef struct dice {
    uint64_t key, next;
} dice;

static int64_t between(dice *d, int64_t low, int64_t high)
{
    return low + (int64_t)(shunt_random_at(d->key, d->next++) * (double)(high - low + 1));
}

static int one_in(dice *d, int64_t n)
{
    return between(d, 1, n) == 1;
}

static shunt_tensor_desc tensor(uint32_t rank, int64_t n, int64_t c, int64_t h, int64_t w)
{
    shunt_tensor_desc made = {.dtype = SHUNT_F32, .rank = (uint8_t)rank, .block = SHUNT_PLAIN};
    int64_t dims[4] = {n, c, h, w};
    memcpy(made.dims, dims, rank * sizeof *dims);
    return made;
}

/* Appends an input; constant ones are what a network learns. */
static void input(shunt_op_desc *op, shunt_tensor_desc desc, int constant)
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
    int64_t size = one_in(d, 3) ? 1 : 3;
    int32_t stride = one_in(d, 3) ? 2 : 1;
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
        window[i] = between(d, 1, one_in(d, 5) ? 7 : 4);
        a->stride[i] = (int32_t)between(d, 1, 3);
        a->dilation[i] = (int32_t)(one_in(d, 2) ? 1 : between(d, 1, 3));
        a->pad_before[i] = (int32_t)between(d, 0, window[i]);
        a->pad_after[i] = (int32_t)between(d, 0, window[i]);
    }
}

static void draw_conv(dice *d, shunt_op_desc *op)
{
    shunt_conv_attr *a = &op->attr.conv;
    int64_t window[2], size[2], result[2];
    if (one_in(d, 2))
        draw_common_window(d, a, window);
    else
        draw_odd_window(d, a, window);
    for (int i = 0; i < 2; i++) {
        int64_t padding = a->pad_before[i] + a->pad_after[i], extent = a->dilation[i] * (window[i] - 1) + 1;
        int64_t least = extent > padding ? extent - padding : 1;
        size[i] = between(d, least, least + 14);
        result[i] = places(size[i], window[i], a->stride[i], a->dilation[i], padding);
    }
    a->groups = (int32_t)(one_in(d, 4) ? between(d, 2, 9) : 1);
    int64_t most = one_in(d, 8) ? 150 : a->groups > 1 ? 3 : 20, N = between(d, 1, 3);
    int64_t C = between(d, 1, most), K = between(d, 1, most);
    op->flags = (uint32_t)between(d, 0, 7);
    input(op, tensor(4, N, a->groups * C, size[0], size[1]), 0);
    input(op, tensor(4, a->groups * K, C, window[0], window[1]), 1);
    op->outputs[0] = tensor(4, N, a->groups * K, result[0], result[1]);
    if (op->flags & SHUNT_FLAG_BIAS) input(op, tensor(1, a->groups * K, 0, 0, 0), 1);
    if (op->flags & SHUNT_FLAG_RESIDUAL) input(op, op->outputs[0], 0);
}

static void draw_linear(dice *d, shunt_op_desc *op)
{
    int64_t N = between(d, 1, 9), C = between(d, 1, one_in(d, 4) ? 600 : 40),
            K = between(d, 1, one_in(d, 4) ? 200 : 30);
    op->flags = (one_in(d, 2) ? SHUNT_FLAG_BIAS : 0) | (one_in(d, 2) ? SHUNT_FLAG_RELU : 0);
    input(op, tensor(2, N, C, 0, 0), 0);
    input(op, tensor(2, K, C, 0, 0), 1);
    if (op->flags & SHUNT_FLAG_BIAS) input(op, tensor(1, K, 0, 0, 0), 1);
    op->outputs[0] = tensor(2, N, K, 0, 0);
}

/* An activation, one in four a matrix. */
static shunt_tensor_desc draw_activation(dice *d)
{
    int64_t n = between(d, 1, 3), c = between(d, 1, one_in(d, 4) ? 70 : 20);
    if (one_in(d, 4)) return tensor(2, n, c, 0, 0);
    return tensor(4, n, c, between(d, 1, 13), between(d, 1, 13));
}

static void draw_elementwise(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = draw_activation(d);
    input(op, op->outputs[0], 0);
    if (op->kind == SHUNT_OP_ADD) input(op, op->outputs[0], 0);
    if (op->kind != SHUNT_OP_RELU && one_in(d, 2)) op->flags = SHUNT_FLAG_RELU;
    for (int i = 0; op->kind == SHUNT_OP_BATCH_NORM && i < 4; i++)
        input(op, tensor(1, op->outputs[0].dims[1], 0, 0, 0), 1);
    if (op->kind == SHUNT_OP_BATCH_NORM) op->attr.batch_norm.epsilon = one_in(d, 2) ? 1e-5f : 1e-3f;
}

static void draw_pool(dice *d, shunt_op_desc *op)
{
    shunt_pool_attr *a = &op->attr.pool;
    int64_t size[2], result[2], N = between(d, 1, 3), C = between(d, 1, 20);
    for (int i = 0; i < 2; i++) {
        a->window[i] = (int32_t)between(d, 1, 4);
        a->stride[i] = (int32_t)between(d, 1, 3);
        a->pad_before[i] = (int32_t)between(d, 0, a->window[i] - 1);
        a->pad_after[i] = (int32_t)between(d, 0, a->window[i] - 1);
        int64_t padding = a->pad_before[i] + a->pad_after[i],
                least = a->window[i] > padding ? a->window[i] - padding : 1;
        size[i] = between(d, least, least + 12);
        result[i] = places(size[i], a->window[i], a->stride[i], 1, padding);
    }
    a->count_padding = op->kind == SHUNT_OP_AVG_POOL && one_in(d, 2);
    input(op, tensor(4, N, C, size[0], size[1]), 0);
    op->outputs[0] = tensor(4, N, C, result[0], result[1]);
}

static void draw_global_pool(dice *d, shunt_op_desc *op)
{
    int64_t N = between(d, 1, 3), C = between(d, 1, 40);
    input(op, tensor(4, N, C, between(d, 1, 15), between(d, 1, 15)), 0);
    op->outputs[0] = tensor(2, N, C, 0, 0);
}

static void draw_softmax(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = tensor(2, between(d, 1, 9), between(d, 1, one_in(d, 4) ? 1100 : 30), 0, 0);
    input(op, op->outputs[0], 0);
}

static void draw_shortcut(dice *d, shunt_op_desc *op)
{
    int64_t N = between(d, 1, 3), C = between(d, 1, 20), H = between(d, 1, 15), W = between(d, 1, 15);
    int64_t stride = between(d, 1, 3), lead = between(d, 0, 20), after = between(d, 0, 20);
    op->attr.shortcut = (shunt_shortcut_attr){.stride = (int32_t)stride, .lead = (int32_t)lead};
    input(op, tensor(4, N, C, H, W), 0);
    op->outputs[0] = tensor(4, N, lead + C + after, (H - 1) / stride + 1, (W - 1) / stride + 1);
}

static void draw_reorder(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = tensor(4, between(d, 1, 3), between(d, 1, 40), between(d, 1, 13), between(d, 1, 13));
    input(op, op->outputs[0], 0);
}

void draw_op(uint32_t kind, uint64_t seed, uint64_t index, shunt_op_desc *out)
{
    static void (*const draws[SHUNT_OP_KINDS])(dice *, shunt_op_desc *) = {
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
    };
    char name[48];
    snprintf(name, sizeof name, "%s/%llu", kind_names[kind], (unsigned long long)index);
    dice d = {.key = shunt_random_key(name, seed)};
    *out = (shunt_op_desc){.kind = kind, .noutputs = 1};
    draws[kind](&d, out);
    if (one_in(&d, 4)) out->constant_inputs = 0; /* nothing may be packed */
}

void draw_input(const shunt_op_desc *desc, const char *name, uint32_t input_index, double *values)
{
    char key_name[96];
    snprintf(key_name, sizeof key_name, "%s/%u", name, input_index);
    uint64_t key = shunt_random_key(key_name, 0), count = shunt_tensor_count(&desc->inputs[input_index]);
    int variance = desc->kind == SHUNT_OP_BATCH_NORM && input_index == 4;
    for (uint64_t i = 0; i < count; i++) {
        double u = shunt_random_at(key, i);
        values[i] = variance ? 0.5 + u : 2 * u - 1;
    }
}
