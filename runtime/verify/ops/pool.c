/* pool.c - see pool.h. */
#include "runtime/verify/ops/pool.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

void pool_draw(dice *d, shunt_op_desc *op, bool counts_padding)
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
        result[i] = dice_places(size[i], a->window[i], a->stride[i], dilation, padding);
    }
    a->count_padding = counts_padding && dice_one_in(d, 2);
    dice_input(op, dice_tensor(4, N, C, size[0], size[1]), 0);
    op->outputs[0] = dice_tensor(4, N, C, result[0], result[1]);
}

double pool_terms(const shunt_op_desc *op)
{
    return (double)op->attr.pool.window[0] * op->attr.pool.window[1];
}

pool_window pool_at(const shunt_op_desc *d, const double *src, int64_t i)
{
    const shunt_pool_attr *a = &d->attr.pool;
    const int64_t *dst = d->outputs[0].dims;
    int64_t q = i % dst[3], p = i / dst[3] % dst[2], c = i / (dst[3] * dst[2]) % dst[1],
            n = i / (dst[3] * dst[2] * dst[1]);
    int64_t dilation[2] = {1, 1};
    pool_window made = {.most = -INFINITY};
    for (int k = 0; d->flags & SHUNT_FLAG_DILATED && k < 2; k++) dilation[k] = a->dilation[k];
    for (int64_t r = 0; r < a->window[0]; r++) {
        for (int64_t s = 0; s < a->window[1]; s++) {
            int64_t h = p * a->stride[0] + r * dilation[0] - a->pad_before[0];
            int64_t w = q * a->stride[1] + s * dilation[1] - a->pad_before[1];
            if (h < 0 || h >= d->inputs[0].dims[2] || w < 0 || w >= d->inputs[0].dims[3]) continue;
            double value = naive_at(&d->inputs[0], src, n, c, h, w, 0);
            made.inside++;
            made.nan |= isnan(value);
            made.most = fmax(made.most, value);
            made.sum += value;
            made.size += fabs(value);
        }
    }
    return made;
}

int64_t pool_places(const shunt_op_desc *op, const shunt_tensor_desc *diff_dst, int64_t i, int64_t places[POOL_MOST])
{
    const shunt_pool_attr *a = &op->attr.pool;
    const int64_t *src = op->outputs[0].dims, *dst = diff_dst->dims;
    int64_t plane = i / (dst[2] * dst[3]), p = i / dst[3] % dst[2], q = i % dst[3], count = 0;
    for (int64_t r = 0; r < a->window[0]; r++) {
        for (int64_t s = 0; s < a->window[1]; s++) {
            int64_t h = p * a->stride[0] + r - a->pad_before[0], w = q * a->stride[1] + s - a->pad_before[1];
            bool inside = h >= 0 && h < src[2] && w >= 0 && w < src[3];
            if (inside && count < POOL_MOST) places[count++] = (plane * src[2] + h) * src[3] + w;
        }
    }
    return count;
}
