/* roi_align.c - how ROI_ALIGN is drawn and computed. */
#include "runtime/base/random.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/ops.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_roi_align_attr *a = &op->attr.roi_align;
    const int64_t N = dice_between(d, 1, 3), C = dice_between(d, 1, dice_one_in(d, 3) ? 70 : 20);
    const int64_t H = dice_between(d, 1, 13), W = dice_between(d, 1, 13), R = dice_between(d, 1, 9);
    for (int i = 0; i < 2; i++) a->size[i] = (int32_t)dice_between(d, 1, 7);
    a->sampling = (int32_t)dice_between(d, 0, 3);
    a->aligned = (int32_t)dice_between(d, 0, 1);
    a->mode = dice_one_in(d, 3) ? SHUNT_ROI_MAXIMUM : SHUNT_ROI_MEAN;
    a->scale = 1 / (float)(1 << dice_between(d, 0, 3));
    if (dice_one_in(d, 2)) {
        a->area[0] = (float)dice_between(d, -20, 20);
        a->area[1] = dice_one_in(d, 3) ? INFINITY : a->area[0] + (float)dice_between(d, 10, 300);
    }
    if (dice_one_in(d, 2)) op->flags = SHUNT_FLAG_RESIDUAL;
    dice_input(op, dice_tensor(4, N, C, H, W), 0);
    dice_input(op, dice_tensor(2, R, 5, 0, 0), 0);
    op->outputs[0] = dice_tensor(4, R, C, a->size[0], a->size[1]);
    if (op->flags & SHUNT_FLAG_RESIDUAL) dice_input(op, op->outputs[0], 0);
}

/* Where a box begins or how long it is, in sixteenths of an element of src: a quarter of src backwards to all of it; one box in eight has no
 * length. */
static double sixteenths(double u, int64_t size, bool length)
{
    if (length && u < 0.125) return 0;
    return floor(u * 20 * (double)size) - 4 * (double)size;
}

/* Numbers of pictures, now and then of one more than there are; places that float32 holds exactly, and so their products with the scale. */
static double roi_element(const shunt_op_desc *op, uint64_t key, uint64_t i)
{
    const int64_t *src = op->inputs[0].dims;
    const uint64_t column = i % 5;
    const double u = random_at(key, i), unit = 16 * (double)op->attr.roi_align.scale;
    if (column == 0) return floor(u * ((double)src[0] + 0.25));
    const int64_t size = src[column % 2 ? 3 : 2];
    if (column <= 2) return sixteenths(u, size, false) / unit;
    return roi_element(op, key, i - 2) + sixteenths(u, size, true) / unit;
}

static double element(const shunt_op_desc *op, const char *name, uint32_t input, uint64_t i, double u)
{
    return input == 1 ? roi_element(op, dice_input_key(name, input), i) : 2 * u - 1;
}

/* One direction of a box. */
typedef struct extent {
    double begin, cell;
    int64_t samples;
    int64_t size; /* of src */
} extent;

static extent extent_of(const shunt_roi_align_attr *a, double low, double high, int32_t cells, int64_t size)
{
    const double shift = a->aligned ? 0.5 : 0, begin = low * (double)a->scale - shift;
    double length = high * (double)a->scale - shift - begin;
    if (!a->aligned && length < 1) length = 1;
    const int64_t samples = a->sampling ? a->sampling : (int64_t)ceil(length / cells);
    return (extent){begin, length / cells, samples > 0 ? samples : 0, size};
}

static double sample_at(const extent *e, int64_t cell, int64_t sample)
{
    return e->begin + e->cell * ((double)cell + ((double)sample + 0.5) / (double)e->samples);
}

/* In float32 the sample may lie on the other side of the border, behind which it counts as 0. */
static bool near_border(const extent *e, double x)
{
    return fabs(x + 1) < 1e-5 || fabs(x - (double)e->size) < 1e-5;
}

/* The cell under way: the sum or maximum of its samples, and of their absolute values. */
typedef struct cell {
    double value, scale, count;
} cell;

/* dst moves with the place of a sample by the differences of its four elements; places are rounded, being sums of numbers about as large
 * as begin and end of the box. */
static void take_sample(const shunt_op_desc *d, const double *plane, const extent e[2], const double at[2], cell *c)
{
    const bool maximum = d->attr.roi_align.mode == SHUNT_ROI_MAXIMUM;
    double value = maximum ? -INFINITY : 0, sizes = 0;
    bool inside = true, border = false;
    double place[2];
    for (int i = 0; i < 2; i++) {
        inside = inside && at[i] >= -1 && at[i] <= (double)e[i].size;
        border = border || near_border(&e[i], at[i]);
        place[i] = fmin(fmax(at[i], 0), (double)(e[i].size - 1));
    }
    for (int k = 0; k < 4; k++) {
        const int64_t h = (int64_t)place[0] + k / 2, w = (int64_t)place[1] + k % 2;
        const double weight = (1 - fabs(place[0] - (double)h)) * (1 - fabs(place[1] - (double)w));
        const double v = h < e[0].size && w < e[1].size ? plane[h * e[1].size + w] : 0;
        value = maximum ? fmax(value, weight * v) : value + weight * v;
        sizes += fabs(v);
    }
    if (!inside) value = 0;
    c->value = !maximum ? c->value + value : c->count ? fmax(c->value, value) : value;
    if (inside || border) c->scale += sizes * (1 + fabs(at[0]) + fabs(at[1]) + fabs(e[0].begin) + fabs(e[1].begin));
    if (border) c->scale += sizes * 0x1p24;
    c->count++;
}

static cell compute_cell(const shunt_op_desc *d, const double *plane, const extent e[2], int64_t p, int64_t q)
{
    cell c = {0, 0, 0};
    for (int64_t i = 0; i < e[0].samples; i++) {
        for (int64_t j = 0; j < e[1].samples; j++) {
            const double at[2] = {sample_at(&e[0], p, i), sample_at(&e[1], q, j)};
            take_sample(d, plane, e, at, &c);
        }
    }
    if (d->attr.roi_align.mode == SHUNT_ROI_MEAN && c.count) {
        c.value /= c.count;
        c.scale /= c.count;
    }
    return c;
}

static bool cuts(const shunt_op_desc *d, const double *roi)
{
    const float *area = d->attr.roi_align.area;
    const double is = (roi[3] - roi[1]) * (roi[4] - roi[2]);
    if (area[1] > area[0] && !(is >= (double)area[0] && is < (double)area[1])) return false;
    return roi[0] >= 0 && roi[0] < (double)d->inputs[0].dims[0];
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const shunt_roi_align_attr *a = &d->attr.roi_align;
    const int64_t *src = d->inputs[0].dims, *dst = d->outputs[0].dims;
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->outputs[0]); i++) {
        const int64_t q = i % dst[3], p = i / dst[3] % dst[2], c = i / (dst[2] * dst[3]) % dst[1];
        const double *roi = in[1] + i / (dst[1] * dst[2] * dst[3]) * 5;
        if (d->flags & SHUNT_FLAG_RESIDUAL) naive_add(out, scale, 0, i, in[2][i]);
        if (!cuts(d, roi)) continue;
        const extent e[2] = {extent_of(a, roi[2], roi[4], a->size[0], src[2]),
                             extent_of(a, roi[1], roi[3], a->size[1], src[3])};
        const cell made = compute_cell(d, in[0] + ((int64_t)roi[0] * src[1] + c) * src[2] * src[3], e, p, q);
        out[0][i] += made.value;
        scale[0][i] += made.scale;
    }
}

/* A box is at most twice as long as src is, or 1; a cell has as many samples as it is long, or `sampling`. */
static double terms(const shunt_op_desc *d)
{
    const double rows = 4 + 2 * (double)d->inputs[0].dims[2], columns = 4 + 2 * (double)d->inputs[0].dims[3];
    return 4 * rows * columns;
}

const verify_op verify_roi_align = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .element = element,
    .dst_inputs = 1u << 2,
    .spreads = true, /* what has the weight 0 may be multiplied by it */
};
