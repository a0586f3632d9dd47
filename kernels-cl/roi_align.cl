/* roi_align.cl - boxes of src (N,C,H,W), each brought to P x Q cells: dst (R,C,P,Q), optionally + residual. A cell is the mean or, built
 * with MAXIMUM, the maximum of bilinear samples.
 *
 * Work-items: one per cell of dst, vector within a block and RUN blocks of channels; groups of WG. A CPU wants RUN above 1, so that the
 * places of samples are found once for several vectors; a GPU wants more items.
 * Memory per item: four vectors of src a sample and block, the row of rois, RUN vectors of residual and dst; in place on residual is allowed.
 */
#include "common.cl"

#pragma OPENCL FP_CONTRACT OFF /* the length of a cell is rounded up, as scalar computes it */

enum { MOST_SAMPLES = 1 << 20 };

struct roi_dims {
    int N, C, H, W, P, Q;
    int sampling;            /* samples of a cell in each direction; 0: as many as it is long, rounded up */
    float scale, shift;      /* from rois to src */
    float least;             /* length of a box */
    float smallest, largest; /* areas of the boxes that are wanted, without the last one */
};

/* One direction of a box in src. */
struct extent {
    acc begin, cell;
    int samples;
};

static inline struct extent extent_of(acc low, acc high, int cells, const struct roi_dims *d)
{
    const acc begin = low * d->scale - d->shift, given = high * d->scale - d->shift - begin;
    const acc length = given < d->least ? d->least : given; /* a NaN stays one */
    acc samples = ceil(length / cells);
    /* A division may be off by a few units. */
    if ((samples - 1) * cells >= length) samples -= 1;
    if (samples * cells < length) samples += 1;
    const int found = samples >= 1 && samples <= MOST_SAMPLES ? (int)samples : 0;
    return (struct extent){begin, length / cells, d->sampling ? d->sampling : found};
}

/* The samples of a cell that can lie within src: others count as 0, and a box far out has many of them. */
static inline int2 inside(const struct extent *e, int cell, int size)
{
    const acc begin = e->begin + cell * e->cell, step = e->cell / e->samples;
    if (!(step > 0.0f)) return (int2)(0, e->samples); /* the box has no length */
    const acc from = (-1.0f - begin) / step - 2.0f, to = (size - begin) / step + 2.0f, end = e->samples;
    return (int2)(from > 0.0f ? from < end ? (int)from : e->samples : 0,
                  to < end ? to > 0.0f ? (int)to : 0 : e->samples);
}

/* The two rows or columns that a sample lies between, and the weight of the second one. false: it counts as 0. */
struct tap {
    int low, high;
    acc part;
};

static inline bool tap_at(const struct extent *e, int cell, int sample, int size, struct tap *out)
{
    const acc x = e->begin + cell * e->cell + (sample + 0.5f) * e->cell / e->samples, at = fmax(x, 0.0f);
    if (!(x >= -1.0f && x <= (acc)size)) return false;
    const int low = min((int)at, size - 1), high = min(low + 1, size - 1);
    *out = (struct tap){low, high, low < high ? at - low : 0.0f};
    return true;
}

#ifdef MAXIMUM
static inline vec larger(vec a, vec b)
{
    return select(b, a, (a > b) | (a != a));
}
#endif

/* plane: of the first of RUN blocks; step: to the plane of the next one, 0 where there is none. */
static inline void take_sample(__global const real *plane, const size_t *step, int W, const struct tap *y,
                               const struct tap *x, vec *values)
{
    const acc weights[] = {(1 - y->part) * (1 - x->part), (1 - y->part) * x->part, y->part * (1 - x->part),
                           y->part * x->part};
    const size_t places[] = {((size_t)y->low * W + x->low) * B, ((size_t)y->low * W + x->high) * B,
                             ((size_t)y->high * W + x->low) * B, ((size_t)y->high * W + x->high) * B};
    for (int k = 0; k < RUN; k++) {
        __global const real *from = plane + step[k];
        const vec a = weights[0] * load_aligned(from + places[0]), b = weights[1] * load_aligned(from + places[1]),
                  c = weights[2] * load_aligned(from + places[2]), e = weights[3] * load_aligned(from + places[3]);
#ifdef MAXIMUM
        values[k] = larger(values[k], larger(larger(a, b), larger(c, e)));
#else
        values[k] += a + b + c + e;
#endif
    }
}

/* Cell (p, q) of a box. */
static inline void compute_cell(__global const real *plane, const size_t *step, __global const param *roi, int p, int q,
                                const struct roi_dims *d, vec *values)
{
    const struct extent rows = extent_of(roi[2], roi[4], d->P, d), columns = extent_of(roi[1], roi[3], d->Q, d);
    const int2 h = inside(&rows, p, d->H), w = inside(&columns, q, d->W);
    const acc all = (acc)rows.samples * (acc)columns.samples;
    acc seen = 0;
    for (int i = h.x; i < h.y; i++) {
        struct tap y, x;
        if (!tap_at(&rows, p, i, d->H, &y)) continue;
        for (int j = w.x; j < w.y; j++) {
            if (!tap_at(&columns, q, j, d->W, &x)) continue;
            take_sample(plane, step, d->W, &y, &x, values);
            seen += 1;
        }
    }
    for (int k = 0; k < RUN; k++) {
#ifdef MAXIMUM
        if (seen < all || all == 0) values[k] = larger(values[k], (vec)0.0f);
#else
        values[k] = all > 0 ? values[k] / all : (vec)0.0f;
#endif
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
roi_align(__global const real *src, ulong src_at, __global const param *rois, ulong rois_at,
          __global const real *residual, ulong residual_at, __global real *dst, ulong dst_at, ulong items,
          const struct roi_dims d, int flags)
{
    const size_t i = get_global_id(0);
    const int blocks = CEIL_DIV(d.C, B);
    if (i >= items) return;
    const struct place at = place_of(i, CEIL_DIV(blocks, RUN) * B, d.P, d.Q);
    const int first = at.c / B * RUN, c = first * B + at.c % B, count = min(RUN, blocks - first);
    __global const param *roi = rois + rois_at + (size_t)at.n * 5;
    const acc area = (roi[3] - roi[1]) * (roi[4] - roi[2]);
    vec values[RUN];
    for (int k = 0; k < RUN; k++) values[k] = (vec)0.0f;
    if (roi[0] >= 0.0f && roi[0] < (acc)d.N && area >= d.smallest && area < d.largest) {
        size_t step[RUN];
        for (int k = 0; k < RUN; k++) {
            step[k] = (size_t)min(k, count - 1) * d.H * d.W * B;
#ifdef MAXIMUM
            values[k] = (vec)-INFINITY;
#endif
        }
        src += src_at + blocked(B, (int)roi[0], c, d.C, d.H, d.W, 0, 0);
        compute_cell(src, step, roi, at.h, at.w, &d, values);
    }
    for (int k = 0; k < count; k++) {
        const size_t place = blocked(B, at.n, c + k * B, d.C, d.P, d.Q, at.h, at.w);
        vec result = clear_tail(values[k], c + k * B, d.C);
        if (flags & WITH_RESIDUAL) result += load_aligned(residual + residual_at + place);
        store_aligned(result, dst + dst_at + place);
    }
}

#pragma OPENCL FP_CONTRACT DEFAULT /* other sources may follow in one program (backends/opencl/bundle.c) */
