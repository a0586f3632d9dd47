/* resize.c - how RESIZE is drawn and computed. */
#include "runtime/verify/ops/resize.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/ops.h"

#include <math.h>
#include <shunt/resize.h>

/* Pictures that mostly get smaller. */
static void draw_antialiased(dice *d, shunt_op_desc *op)
{
    shunt_resize_attr *a = &op->attr.resize;
    const int64_t H = dice_between(d, 1, 25), W = dice_between(d, 1, 25);
    a->filter = (int32_t)dice_between(d, SHUNT_RESIZE_TRIANGLE, SHUNT_RESIZE_CUBIC);
    a->size[0] = (int32_t)dice_between(d, 1, 12);
    a->size[1] = (int32_t)dice_between(d, 1, 12);
    dice_input(op, dice_tensor(4, dice_between(d, 1, 3), dice_between(d, 1, 20), H, W), 0);
    op->outputs[0] = dice_tensor(4, op->inputs[0].dims[0], op->inputs[0].dims[1], a->size[0], a->size[1]);
}

static void draw(dice *d, shunt_op_desc *op)
{
    if (dice_one_in(d, 3)) {
        draw_antialiased(d, op);
        return;
    }
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

/* Of an antialiased filter, along one axis: the weight of element h of src in element p of dst, before it is divided by their sum. */
static double antialiased(int32_t filter, double size, double places, double p, double h)
{
    const double t = fabs((2 * h + 1) * places - (2 * p + 1) * size) / (2 * fmax(size, places));
    if (filter == SHUNT_RESIZE_TRIANGLE) return fmax(0, 1 - t);
    if (t >= 2) return 0;
    /* 1 - 2.5 t^2 + 1.5 t^3 and 2 - 4 t + 2.5 t^2 - 0.5 t^3, as products: small weights are exact, too. */
    return t < 1 ? (1 - t) * (1 + t - 1.5 * t * t) : -0.5 * (t - 1) * pow(t - 2, 2);
}

static void reference_antialiased(const shunt_op_desc *d, const double *src, double *const *out, double *const *scale)
{
    const int64_t *in = d->inputs[0].dims, *to = d->outputs[0].dims;
    const int32_t filter = d->attr.resize.filter;
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->outputs[0]); i++) {
        const double p = (double)(i / to[3] % to[2]), q = (double)(i % to[3]);
        const double *plane = src + i / (to[2] * to[3]) * in[2] * in[3];
        double total = 0;
        for (int pass = 0; pass < 2; pass++) { /* the sum, then the weighted mean */
            for (int64_t k = 0; k < in[2] * in[3]; k++) {
                const double weight = antialiased(filter, (double)in[2], (double)to[2], p, (double)(k / in[3])) *
                                      antialiased(filter, (double)in[3], (double)to[3], q, (double)(k % in[3]));
                if (!pass)
                    total += weight;
                else if (weight != 0)
                    naive_add(out, scale, 0, i, weight / total * plane[k]);
            }
        }
    }
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    if (shunt_resize_is_antialiased(&d->attr.resize)) {
        reference_antialiased(d, in[0], out, scale);
        return;
    }
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->outputs[0]); i++) {
        int64_t places[4];
        double weights[4];
        const int count = resize_places(&d->attr.resize, &d->inputs[0], &d->outputs[0], i, places, weights);
        for (int k = 0; k < count; k++) naive_add(out, scale, 0, i, weights[k] * in[0][places[k]]);
    }
}

static double terms(const shunt_op_desc *d)
{
    if (!shunt_resize_is_antialiased(&d->attr.resize)) return 4;
    return (double)d->inputs[0].dims[2] * (double)d->inputs[0].dims[3];
}

const verify_op verify_resize = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .spreads = true, /* what has the weight 0 may be multiplied by it */
    .linear = true,
};
