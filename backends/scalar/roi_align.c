/* roi_align.c - dst (R,C,P,Q): boxes of src (N,C,H,W), each brought to P x Q cells, that are means or maxima of bilinear samples. Where the
 * samples of a cell lie is found once for CHUNK channels. */
#include "op.h"

enum { CHUNK = 8, MOST_SAMPLES = 1 << 20 };

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_roi_align_attr *a = &desc->attr.roi_align;
    const shunt_tensor_desc *src = &desc->inputs[0], *rois = &desc->inputs[1], *dst = &desc->outputs[0];
    shunt_status status = scalar_expect_rank(src, "src", 4);
    if (!status) status = scalar_expect_rank(rois, "rois", 2);
    if (!status) status = scalar_expect_dims(rois, "rois", 2, (int64_t[]){rois->dims[0], 5});
    if (status) return status;
    if (!(a->scale > 0) || !isfinite(a->scale)) return scalar_fail(SHUNT_E_INVALID, "a scale of %g", (double)a->scale);
    if (a->sampling < 0 || a->sampling > MOST_SAMPLES) return scalar_fail(SHUNT_E_INVALID, "sampling %d", a->sampling);
    if (a->mode != SHUNT_ROI_MEAN && a->mode != SHUNT_ROI_MAXIMUM)
        return scalar_fail(SHUNT_E_INVALID, "mode %d", a->mode);
    status = scalar_expect_dims(dst, "dst", 4, (int64_t[]){rois->dims[0], src->dims[1], a->size[0], a->size[1]});
    if (status || !(desc->flags & SHUNT_FLAG_RESIDUAL)) return status;
    return scalar_expect_same(&desc->inputs[2], "residual", dst);
}

/* One direction of a box in src, and of a map of `size` there. */
typedef struct extent {
    real begin, cell;
    int64_t samples, size;
} extent;

static extent extent_of(const shunt_roi_align_attr *a, real low, real high, int32_t cells, int64_t size)
{
    const real scale = (real)a->scale, shift = a->aligned ? (real)0.5 : 0, begin = low * scale - shift;
    real length = high * scale - shift - begin;
    if (!a->aligned && length < 1) length = 1;
    extent e = {begin, length / (real)cells, a->sampling, size};
    const real samples = ceil(e.cell);
    if (!a->sampling) e.samples = samples >= 1 && samples <= MOST_SAMPLES ? (int64_t)samples : 0;
    return e;
}

/* The samples of a cell that can lie within src: others count as 0, and a box far out has many of them. */
static void inside(const extent *e, int64_t cell, int64_t *first, int64_t *end)
{
    const real begin = e->begin + (real)cell * e->cell, step = e->cell / (real)e->samples;
    *first = 0;
    *end = e->samples;
    if (!(step > 0)) return; /* the box has no length */
    const real from = (-1 - begin) / step - 2, to = ((real)e->size - begin) / step + 2;
    if (from > 0) *first = from < (real)*end ? (int64_t)from : *end;
    if (to < (real)*end) *end = to > 0 ? (int64_t)to : 0;
}

/* The two rows or columns that a sample lies between, and the weight of the second one. false: it counts as 0. */
typedef struct tap {
    int64_t index[2];
    real part;
} tap;

static bool tap_at(const extent *e, int64_t cell, int64_t sample, tap *out)
{
    real x = e->begin + (real)cell * e->cell + ((real)sample + (real)0.5) * e->cell / (real)e->samples;
    if (!(x >= -1 && x <= (real)e->size)) return false;
    if (x < 0) x = 0;
    const int64_t low = (int64_t)x, last = e->size - 1;
    *out = low < last ? (tap){{low, low + 1}, x - (real)low} : (tap){{last, last}, 0};
    return true;
}

static real larger(real a, real b)
{
    return a > b || a != a ? a : b;
}

typedef struct cell {
    real values[CHUNK];
    real seen; /* samples that do not count as 0 for being outside */
} cell;

/* count: of channels, whose planes follow each other from `plane` on. */
static void take_sample(const real *plane, int64_t area, int64_t W, int count, const tap *y, const tap *x, bool maximum,
                        cell *to)
{
    const real weights[] = {(1 - y->part) * (1 - x->part), (1 - y->part) * x->part, y->part * (1 - x->part),
                            y->part * x->part};
    for (int k = 0; k < count; k++, plane += area) {
        const real *upper = plane + y->index[0] * W, *lower = plane + y->index[1] * W;
        const real a = weights[0] * upper[x->index[0]], b = weights[1] * upper[x->index[1]],
                   c = weights[2] * lower[x->index[0]], d = weights[3] * lower[x->index[1]];
        if (!maximum)
            to->values[k] += a + b + c + d;
        else
            to->values[k] = larger(to->values[k], larger(larger(a, b), larger(c, d)));
    }
}

static void compute_cell(const real *plane, const extent e[2], int64_t p, int64_t q, int count, bool maximum, cell *c)
{
    int64_t first[2], end[2];
    tap y, x;
    inside(&e[0], p, &first[0], &end[0]);
    inside(&e[1], q, &first[1], &end[1]);
    c->seen = 0;
    for (int k = 0; k < count; k++) c->values[k] = maximum ? -(real)INFINITY : 0;
    for (int64_t i = first[0]; i < end[0]; i++) {
        if (!tap_at(&e[0], p, i, &y)) continue;
        for (int64_t j = first[1]; j < end[1]; j++) {
            if (!tap_at(&e[1], q, j, &x)) continue;
            take_sample(plane, e[0].size * e[1].size, e[1].size, count, &y, &x, maximum, c);
            c->seen++;
        }
    }
    const real all = (real)e[0].samples * (real)e[1].samples;
    for (int k = 0; k < count; k++) {
        if (maximum && c->seen < all) c->values[k] = larger(c->values[k], 0);
        c->values[k] = all == 0 ? 0 : maximum ? c->values[k] : c->values[k] / all;
    }
}

static bool cuts(const shunt_op_desc *desc, const real *roi)
{
    const float *area = desc->attr.roi_align.area;
    const real is = (roi[3] - roi[1]) * (roi[4] - roi[2]);
    if (area[1] > area[0] && !(is >= (real)area[0] && is < (real)area[1])) return false;
    return roi[0] >= 0 && roi[0] < (real)desc->inputs[0].dims[0];
}

/* CHUNK channels from c on of a box. */
static void cut_box(const shunt_op_desc *desc, const real *src, const real *roi, int64_t c, const real *residual,
                    real *dst)
{
    const shunt_roi_align_attr *a = &desc->attr.roi_align;
    const int64_t C = desc->inputs[0].dims[1], H = desc->inputs[0].dims[2], W = desc->inputs[0].dims[3];
    const int64_t cells = (int64_t)a->size[0] * a->size[1];
    const int count = C - c < CHUNK ? (int)(C - c) : CHUNK;
    const bool wanted = cuts(desc, roi);
    const real *plane = wanted ? src + ((int64_t)roi[0] * C + c) * H * W : NULL;
    const extent e[2] = {extent_of(a, roi[2], roi[4], a->size[0], H), extent_of(a, roi[1], roi[3], a->size[1], W)};
    for (int64_t i = 0; i < cells; i++) {
        cell made = {{0}, 0};
        if (wanted) compute_cell(plane, e, i / a->size[1], i % a->size[1], count, a->mode == SHUNT_ROI_MAXIMUM, &made);
        for (int k = 0; k < count; k++)
            dst[k * cells + i] = residual ? residual[k * cells + i] + made.values[k] : made.values[k];
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t *out = desc->outputs[0].dims, R = out[0], C = out[1], cells = out[2] * out[3];
    const real *residual = desc->flags & SHUNT_FLAG_RESIDUAL ? inputs[2] : NULL;
#pragma omp parallel for collapse(2) num_threads(threads) if (R * C * cells > SCALAR_SMALL)
    for (int64_t r = 0; r < R; r++) {
        for (int64_t c = 0; c < C; c += CHUNK) {
            const int64_t at = (r * C + c) * cells;
            cut_box(desc, inputs[0], (const real *)inputs[1] + 5 * r, c, residual ? residual + at : NULL,
                    (real *)outputs[0] + at);
        }
    }
}

const scalar_op TYPED(scalar_roi_align) = {.flags = SHUNT_FLAG_RESIDUAL, .check = check, .run = run};
