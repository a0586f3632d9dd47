/* conv_grad_src.c - diff_src: each pixel of src takes weights x diff_dst from every window that it is in; then the residual
 * is added, and what the mask stops is set to 0.
 *
 * Pixels whose rows and columns are equal modulo the stride are in windows at the same taps: such a phase is a convolution
 * of diff_dst with stride 1, whose taps are K x those of the phase. It is computed like conv.c's, partial sums resting in
 * diff_src between chunks of taps, only that the weights are not in the order of the taps, so a chunk of them is copied. */
#include "panel.h"

enum { PART = 128 };

/* One direction of a phase: the pixels first, first + stride ..., and their taps tap, tap + tap_step ... */
typedef struct axis {
    int64_t first, count, tap, tap_step, taps;
    slide slide; /* over diff_dst */
} axis;

/* The whole job. A group takes C channels of src to K of diff_dst. */
typedef struct job {
    const shunt_conv_attr *attr;
    int64_t N, groups, C, H, W, K, R, S, P, Q;
    const real *weights, *diff_dst, *residual, *mask; /* the last two may be NULL */
    real *diff_src;
} job;

/* A piece of it: channels [begin, end) of image n's group, `count` pixels of a phase from its `first` on. */
typedef struct piece {
    windows windows;
    axis rows, columns;
    int64_t n, group, begin, end, first, count, taps;
    int64_t places[PANEL]; /* of the pixels in a plane of src */
} piece;

/* What a thread works with. */
typedef struct scratch {
    real panel[PANEL * CHUNK], copied[FILTERS][CHUNK];
    int64_t offsets[CHUNK];
} scratch;

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *diff_src = &desc->outputs[0];
    shunt_status status =
        scalar_expect_forward(desc, &TYPED(scalar_conv), diff_src, &desc->inputs[0], &desc->inputs[1]);
    for (uint32_t i = 2; i < desc->ninputs && !status; i++) {
        bool residual = i == 2 && desc->flags & SHUNT_FLAG_RESIDUAL;
        status = scalar_expect_same(&desc->inputs[i], residual ? "residual" : "mask", diff_src);
    }
    return status;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    return b ? common_divisor(b, a % b) : a;
}

/* Pixel `phase` is at tap t of window p where phase + pad = p * stride + t * dilation. */
static axis make_axis(const shunt_conv_attr *conv, int i, int64_t phase, int64_t length, int64_t window, int64_t places)
{
    int64_t stride = conv->stride[i], dilation = conv->dilation[i], at = phase + conv->pad_before[i], tap = 0;
    int64_t tap_step = stride / common_divisor(stride, dilation);
    while (tap < tap_step && tap < window && (at - tap * dilation) % stride) tap++;
    bool any = tap < tap_step && tap < window;
    return (axis){
        .first = phase,
        .count = (length - phase + stride - 1) / stride,
        .tap = tap,
        .tap_step = tap_step,
        .taps = any ? (window - tap + tap_step - 1) / tap_step : 0,
        .slide = {places, (at - tap * dilation) / stride, 1, -(tap_step * dilation / stride)},
    };
}

static void make_piece(const job *j, int64_t row_phase, int64_t column_phase, piece *at)
{
    at->rows = make_axis(j->attr, 0, row_phase, j->H, j->R, j->P);
    at->columns = make_axis(j->attr, 1, column_phase, j->W, j->S, j->Q);
    at->windows = (windows){.rows = at->rows.slide,
                            .columns = at->columns.slide,
                            .R = at->rows.taps,
                            .S = at->columns.taps,
                            .width = at->columns.count};
    at->taps = j->K * at->rows.taps * at->columns.taps;
    int64_t rest = at->rows.count * at->columns.count - at->first;
    at->count = rest < PANEL ? rest : PANEL;
    for (int64_t i = 0; i < at->count; i++) {
        int64_t row = (at->first + i) / at->columns.count, column = (at->first + i) % at->columns.count;
        at->places[i] = (row_phase + row * j->attr->stride[0]) * j->W + column_phase + column * j->attr->stride[1];
    }
}

/* Where taps [from, to) of the phase lie in the weights of the group's channel 0. */
static void locate_weights(const job *j, const piece *at, int64_t from, int64_t to, int64_t offsets[CHUNK])
{
    int64_t window = at->rows.taps * at->columns.taps;
    for (int64_t tap = from; tap < to; tap++) {
        int64_t k = at->group * j->K + tap / window;
        int64_t r = at->rows.tap + tap % window / at->columns.taps * at->rows.tap_step;
        int64_t s = at->columns.tap + tap % window % at->columns.taps * at->columns.tap_step;
        offsets[tap - from] = (k * j->C * j->R + r) * j->S + s;
    }
}

/* Adds taps [from, to) to `channels` channels of diff_src from c of the group on, at the TILE pixels from `pixel` on. */
static void add_taps(const job *j, const piece *at, int64_t c, int64_t channels, int64_t pixel, int64_t from,
                     int64_t to, const real *const weights[FILTERS], const real *panel)
{
    real sums[FILTERS][TILE] = {{0}};
    int64_t pixels = at->count - pixel < TILE ? at->count - pixel : TILE;
    int64_t plane = ((at->n * j->groups + at->group) * j->C + c) * j->H * j->W; /* of the first channel */
    const real *start = from > 0 ? j->diff_src : j->residual;
    for (int64_t f = 0; f < channels && start; f++)
        for (int64_t i = 0; i < pixels; i++) sums[f][i] = start[plane + f * j->H * j->W + at->places[pixel + i]];
    multiply(to - from, weights, panel + pixel * CHUNK, sums);
    bool masked = j->mask && to == at->taps;
    for (int64_t f = 0; f < channels; f++) {
        for (int64_t i = 0; i < pixels; i++) {
            int64_t place = plane + f * j->H * j->W + at->places[pixel + i];
            j->diff_src[place] = masked && !(j->mask[place] > 0) ? 0 : sums[f][i];
        }
    }
}

/* A phase without taps takes one turn, too, for the residual and the mask. */
static void compute(const job *j, const piece *at, scratch *own)
{
    int64_t from = 0;
    const real *diff_dst = j->diff_dst + (at->n * j->groups + at->group) * j->K * j->P * j->Q;
    do {
        int64_t to = from + CHUNK < at->taps ? from + CHUNK : at->taps;
        gather(&at->windows, diff_dst, at->first, at->count, from, to, own->panel);
        locate_weights(j, at, from, to, own->offsets);
        for (int64_t c = at->begin; c < at->end; c += FILTERS) {
            int64_t channels = at->end - c < FILTERS ? at->end - c : FILTERS;
            const real *weights[FILTERS];
            for (int64_t f = 0; f < FILTERS; f++) {
                weights[f] = own->copied[f < channels ? f : channels - 1];
                for (int64_t tap = 0; tap < to - from && f < channels; tap++)
                    own->copied[f][tap] = j->weights[own->offsets[tap] + (c + f) * j->R * j->S];
            }
            for (int64_t pixel = 0; pixel < at->count; pixel += TILE)
                add_taps(j, at, c, channels, pixel, from, to, weights, own->panel);
        }
        from = to;
    } while (from < at->taps);
}

/* Panels are counted by the largest phase, the first; a smaller one has fewer. */
static void run_all(const job *j, int threads, scratch *own)
{
    int64_t strides[] = {j->attr->stride[0], j->attr->stride[1]};
    int64_t row_phases = strides[0] < j->H ? strides[0] : j->H, column_phases = strides[1] < j->W ? strides[1] : j->W;
    int64_t most = ((j->H - 1) / strides[0] + 1) * ((j->W - 1) / strides[1] + 1);
    int64_t phases = row_phases * column_phases, work = j->N * j->K * j->P * j->Q * j->C * j->R * j->S;
#pragma omp parallel for collapse(4) schedule(dynamic) num_threads(threads) if (work > SCALAR_SMALL)
    for (int64_t image = 0; image < j->N * j->groups; image++) {
        for (int64_t begin = 0; begin < j->C; begin += PART) {
            for (int64_t phase = 0; phase < phases; phase++) {
                for (int64_t first = 0; first < most; first += PANEL) {
                    piece at = {.n = image / j->groups, .group = image % j->groups, .begin = begin, .first = first};
                    at.end = begin + PART < j->C ? begin + PART : j->C;
                    make_piece(j, phase / column_phases, phase % column_phases, &at);
                    if (at.count > 0) compute(j, &at, &own[omp_get_thread_num()]);
                }
            }
        }
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads, void *memory)
{
    const int64_t *weights = desc->inputs[0].dims, *dst = desc->inputs[1].dims, *src = desc->outputs[0].dims;
    job j = {
        .attr = &desc->attr.conv,
        .N = src[0],
        .groups = desc->attr.conv.groups,
        .C = weights[1],
        .H = src[2],
        .W = src[3],
        .K = weights[0] / desc->attr.conv.groups,
        .R = weights[2],
        .S = weights[3],
        .P = dst[2],
        .Q = dst[3],
        .weights = inputs[0],
        .diff_dst = inputs[1],
        .residual = desc->flags & SHUNT_FLAG_RESIDUAL ? inputs[2] : NULL,
        .mask = desc->flags & SHUNT_FLAG_RELU ? inputs[desc->ninputs - 1] : NULL,
        .diff_src = outputs[0],
    };
    run_all(&j, threads, memory);
}

const scalar_op TYPED(scalar_conv_grad_src) = {
    .flags = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU,
    .check = check,
    .run_with = run,
    .scratch = sizeof(scratch),
};
