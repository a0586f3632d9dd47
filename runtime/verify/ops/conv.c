/* conv.c - how CONV is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

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

/* From the sizes of src, weights and dst, of which the attributes are there. */
static void add_tensors(dice *d, shunt_op_desc *op, const int64_t src[4], const int64_t weights[4],
                        const int64_t dst[4])
{
    op->flags = (uint32_t)dice_between(d, 0, 7);
    dice_input(op, shunt_tensor_make(SHUNT_F32, 4, src), 0);
    dice_input(op, shunt_tensor_make(SHUNT_F32, 4, weights), 1);
    op->outputs[0] = shunt_tensor_make(SHUNT_F32, 4, dst);
    if (op->flags & SHUNT_FLAG_BIAS) dice_input(op, dice_tensor(1, dst[1], 0, 0, 0), 1);
    if (op->flags & SHUNT_FLAG_RESIDUAL) dice_input(op, op->outputs[0], 0);
}

/* 1x1 of whole blocks and whole tiles, which is a product of matrices, sometimes in several passes over the channels. */
static void draw_point(dice *d, shunt_op_desc *op)
{
    const int64_t N = dice_between(d, 1, 2), H = 6 * dice_between(d, 1, 2), W = dice_between(d, 3, 8);
    const int64_t C = dice_one_in(d, 2) ? 1024 : 32 * dice_between(d, 1, 3), K = 48 * dice_between(d, 1, 4);
    op->attr.conv = (shunt_conv_attr){.stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
    add_tensors(d, op, (const int64_t[]){N, C, H, W}, (const int64_t[]){K, C, 1, 1}, (const int64_t[]){N, K, H, W});
}

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_conv_attr *a = &op->attr.conv;
    int64_t window[2], size[2], result[2];
    if (dice_one_in(d, 5)) {
        draw_point(d, op);
        return;
    }
    if (dice_one_in(d, 2))
        draw_common_window(d, a, window);
    else
        draw_odd_window(d, a, window);
    for (int i = 0; i < 2; i++) {
        int64_t padding = a->pad_before[i] + a->pad_after[i], extent = a->dilation[i] * (window[i] - 1) + 1;
        int64_t least = extent > padding ? extent - padding : 1;
        size[i] = dice_between(d, least, least + 14);
        result[i] = dice_places(size[i], window[i], a->stride[i], a->dilation[i], padding);
    }
    a->groups = (int32_t)(dice_one_in(d, 4) ? dice_between(d, 2, 9) : 1);
    int64_t most = dice_one_in(d, 8) ? 150 : a->groups > 1 ? 3 : 20, N = dice_between(d, 1, 3);
    int64_t C = dice_between(d, 1, most), K = dice_between(d, 1, most);
    if (dice_one_in(d, a->groups == 1 && window[0] == window[1] ? 2 : 5)) { /* what fast paths are made for */
        C = (C + 15) / 16 * 16;
        K = (K + 63) / 64 * 64;
    }
    add_tensors(d, op, (const int64_t[]){N, a->groups * C, size[0], size[1]},
                (const int64_t[]){a->groups * K, C, window[0], window[1]},
                (const int64_t[]){N, a->groups * K, result[0], result[1]});
    if (dice_one_in(d, 8)) op->flags |= SHUNT_FLAG_WIDE_SRC;
}

/* One output of a convolution: output channel k at row p, column q. */
static void conv_at(const shunt_op_desc *d, const double *const *in, int64_t n, int64_t k, int64_t p, int64_t q,
                    double *sum, double *scale)
{
    const shunt_conv_attr *a = &d->attr.conv;
    const shunt_tensor_desc *weights = &d->inputs[1];
    int64_t per_group = weights->dims[0] / a->groups, first = k / per_group * weights->dims[1];
    for (int64_t c = 0; c < weights->dims[1]; c++) {
        for (int64_t r = 0; r < weights->dims[2]; r++) {
            for (int64_t s = 0; s < weights->dims[3]; s++) {
                int64_t h = p * a->stride[0] + r * a->dilation[0] - a->pad_before[0];
                int64_t w = q * a->stride[1] + s * a->dilation[1] - a->pad_before[1];
                double term =
                    naive_at(&d->inputs[0], in[0], n, first + c, h, w, 0) * naive_at(weights, in[1], k, c, r, s, 0);
                *sum += term;
                *scale += fabs(term);
            }
        }
    }
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const int64_t *dst = d->outputs[0].dims;
    const double *bias = d->flags & SHUNT_FLAG_BIAS ? in[2] : NULL;
    const double *residual = d->flags & SHUNT_FLAG_RESIDUAL ? in[d->ninputs - 1] : NULL;
    int64_t i = 0;
    for (int64_t n = 0; n < dst[0]; n++) {
        for (int64_t k = 0; k < dst[1]; k++) {
            for (int64_t p = 0; p < dst[2]; p++) {
                for (int64_t q = 0; q < dst[3]; q++, i++) {
                    double extra = (bias ? bias[k] : 0) + (residual ? residual[i] : 0), sum = extra;
                    scale[0][i] = (bias ? fabs(bias[k]) : 0) + (residual ? fabs(residual[i]) : 0);
                    conv_at(d, in, n, k, p, q, &sum, &scale[0][i]);
                    out[0][i] = naive_relu(d, sum);
                }
            }
        }
    }
}

static double terms(const shunt_op_desc *d)
{
    const int64_t *weights = d->inputs[1].dims;
    return (double)(weights[1] * weights[2] * weights[3]);
}

const verify_op verify_conv = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .dst_inputs = 1u << 2 | 1u << 3,
    .linear = true,
};
