/* resize.c - how RESIZE is drawn and computed. */
#include "runtime/verify/ops/resize.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/ops.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_resize_attr *a = &op->attr.resize;
    int64_t size[2], result[2];
    const int64_t N = dice_between(d, 1, 3), C = dice_between(d, 1, 20);
    a->filter = dice_one_in(d, 3) ? SHUNT_RESIZE_NEAREST : SHUNT_RESIZE_BILINEAR;
    a->coordinates = (int32_t)dice_between(d, SHUNT_RESIZE_HALF_PIXEL, SHUNT_RESIZE_ASYMMETRIC);
    a->rounding = (int32_t)dice_between(d, SHUNT_RESIZE_FLOOR, SHUNT_RESIZE_HALF_UP);
    for (int i = 0; i < 2; i++) {
        size[i] = dice_between(d, 1, 12);
        result[i] = dice_between(d, 1, 25);
        if (dice_one_in(d, 2)) a->factor[i] = (float)(0.5 + (double)result[i]) / (float)size[i];
        if (a->factor[i] == 0 || dice_one_in(d, 2)) a->size[i] = (int32_t)result[i];
        if (!a->size[i]) result[i] = (int64_t)((double)size[i] * (double)a->factor[i]);
    }
    dice_input(op, dice_tensor(4, N, C, size[0], size[1]), 0);
    op->outputs[0] = dice_tensor(4, N, C, result[0], result[1]);
}

/* Where in src element p of dst lies, along one axis; the other arguments are the axis's sizes. */
static double place(const shunt_resize_attr *a, int axis, double size, double places, double p)
{
    const double factor = (double)a->factor[axis];
    double x;
    if (a->coordinates == SHUNT_RESIZE_CORNERS)
        x = places == 1 ? 0 : p * (size - 1) / (places - 1);
    else if (a->coordinates == SHUNT_RESIZE_ASYMMETRIC)
        x = factor != 0 ? p / factor : p * size / places;
    else
        x = (factor != 0 ? (p + 0.5) / factor : (p + 0.5) * size / places) - 0.5;
    return fmin(fmax(x, 0), size - 1);
}

static double round_place(int32_t rounding, double x)
{
    switch (rounding) {
    case SHUNT_RESIZE_CEIL:
        return ceil(x);
    case SHUNT_RESIZE_HALF_DOWN:
        return ceil(x - 0.5);
    case SHUNT_RESIZE_HALF_UP:
        return floor(x + 0.5);
    default:
        return floor(x);
    }
}

int resize_places(const shunt_resize_attr *attr, const shunt_tensor_desc *src, const shunt_tensor_desc *dst, int64_t i,
                  int64_t places[4], double weights[4])
{
    const int64_t *in = src->dims, *out = dst->dims, p = i / out[3] % out[2], q = i % out[3];
    const int64_t plane = i / (out[2] * out[3]) * in[2] * in[3];
    double y = place(attr, 0, (double)in[2], (double)out[2], (double)p);
    double x = place(attr, 1, (double)in[3], (double)out[3], (double)q);
    if (attr->filter == SHUNT_RESIZE_NEAREST) {
        y = round_place(attr->rounding, y);
        x = round_place(attr->rounding, x);
    }
    int count = 0;
    for (int64_t h = (int64_t)y; h <= (int64_t)y + 1 && h < in[2]; h++) {
        for (int64_t w = (int64_t)x; w <= (int64_t)x + 1 && w < in[3]; w++) {
            const double weight = (1 - fabs(y - (double)h)) * (1 - fabs(x - (double)w));
            if (attr->filter == SHUNT_RESIZE_NEAREST && weight == 0) continue;
            places[count] = plane + h * in[3] + w;
            weights[count++] = weight;
        }
    }
    return count;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->outputs[0]); i++) {
        int64_t places[4];
        double weights[4];
        const int count = resize_places(&d->attr.resize, &d->inputs[0], &d->outputs[0], i, places, weights);
        for (int k = 0; k < count; k++) naive_add(out, scale, 0, i, weights[k] * in[0][places[k]]);
    }
}

static double terms(const shunt_op_desc *d)
{
    (void)d;
    return 4;
}

const verify_op verify_resize = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .spreads = true, /* what has the weight 0 may be multiplied by it */
    .linear = true,
};
