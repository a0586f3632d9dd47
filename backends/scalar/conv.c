/* conv.c - convolution: any stride, padding, dilation and groups; bias, residual and ReLU on request.
 *
 * Work is cut into panels of PANEL output pixels. For CHUNK of the C*R*S taps at a time, the panel's source values are
 * gathered (zeros for padding), then FILTERS output channels at once take their weighted sums over tiles of TILE pixels,
 * whose partial sums stay in registers. Between chunks they rest in dst: no workspace, and each sum is taken in the
 * order of the taps, whatever the number of threads. A part is as many output channels as share one gathered panel. */
#include "op.h"

enum { TILE = 8, PANEL = 4 * TILE, CHUNK = 128, FILTERS = 4, PART = 128 };

/* The whole job. A group takes C channels of src to K of dst; taps = C*R*S. */
typedef struct job {
    const shunt_conv_attr *attr;
    int64_t N, groups, C, H, W, K, R, S, P, Q, taps;
    const real *src, *weights, *bias, *residual; /* the last two may be NULL */
    real *dst;
    bool relu;
} job;

/* A piece of it: output channels [begin, end) of image n's group, at the panel of pixels from `first` of P*Q on. */
typedef struct piece {
    int64_t n, group, begin, end, first, count;
    int64_t h[PANEL], w[PANEL]; /* in src: the top left corner of each pixel's window */
} piece;

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_conv_attr *conv = &desc->attr.conv;
    const shunt_tensor_desc *src = &desc->inputs[0], *weights = &desc->inputs[1], *dst = &desc->outputs[0];
    shunt_status status = scalar_expect_rank(src, "src", 4);
    if (!status) status = scalar_expect_rank(weights, "weights", 4);
    if (status) return status;
    int64_t C = src->dims[1], K = weights->dims[0], size[2];
    if (conv->groups < 1 || C % conv->groups || K % conv->groups)
        return scalar_fail(SHUNT_E_INVALID, "%d groups do not divide %lld and %lld channels", conv->groups,
                           (long long)C, (long long)K);
    for (int i = 0; i < 2 && !status; i++)
        status = scalar_window(src->dims[2 + i], weights->dims[2 + i], conv->stride[i], conv->dilation[i],
                               conv->pad_before[i], conv->pad_after[i], &size[i]);
    if (status) return status;
    status =
        scalar_expect_dims(weights, "weights", 4, (int64_t[]){K, C / conv->groups, weights->dims[2], weights->dims[3]});
    if (!status && desc->flags & SHUNT_FLAG_BIAS) status = scalar_expect_dims(&desc->inputs[2], "bias", 1, &K);
    if (!status) status = scalar_expect_dims(dst, "dst", 4, (int64_t[]){src->dims[0], K, size[0], size[1]});
    if (!status && desc->flags & SHUNT_FLAG_RESIDUAL)
        status = scalar_expect_same(&desc->inputs[desc->ninputs - 1], "residual", dst);
    return status;
}

static uint64_t flops(const shunt_op_desc *desc)
{
    const int64_t *weights = desc->inputs[1].dims;
    return 2 * shunt_tensor_count(&desc->outputs[0]) * (uint64_t)(weights[1] * weights[2] * weights[3]);
}

static void locate_windows(const job *j, piece *at)
{
    int64_t rest = j->P * j->Q - at->first;
    at->count = rest < PANEL ? rest : PANEL;
    for (int64_t i = 0; i < at->count; i++) {
        at->h[i] = (at->first + i) / j->Q * j->attr->stride[0] - j->attr->pad_before[0];
        at->w[i] = (at->first + i) % j->Q * j->attr->stride[1] - j->attr->pad_before[1];
    }
}

/* Where in a plane of src tap (r, s) of each pixel's window lies; -1: in the padding, or there is no such pixel. */
static void locate_taps(const job *j, const piece *at, int64_t r, int64_t s, int64_t offsets[PANEL])
{
    for (int64_t i = 0; i < PANEL; i++) {
        offsets[i] = -1;
        if (i >= at->count) continue;
        int64_t h = at->h[i] + r * j->attr->dilation[0], w = at->w[i] + s * j->attr->dilation[1];
        if (h >= 0 && h < j->H && w >= 0 && w < j->W) offsets[i] = h * j->W + w;
    }
}

/* panel is (PANEL / TILE, CHUNK, TILE) and receives taps [from, to) of every pixel, zero where there is no source. */
static void gather(const job *j, const piece *at, int64_t from, int64_t to, real *panel)
{
    const real *src = j->src + (at->n * j->groups + at->group) * j->C * j->H * j->W;
    int64_t window = j->R * j->S, offsets[PANEL];
    for (int64_t rs = 0; rs < window; rs++) {
        int64_t c = from > rs ? (from - rs + window - 1) / window : 0;
        if (c * window + rs < to) locate_taps(j, at, rs / j->S, rs % j->S, offsets);
        for (int64_t tap = c * window + rs; tap < to; tap += window, c++) {
            const real *plane = src + c * j->H * j->W;
            for (int64_t i = 0; i < PANEL; i++)
                panel[(i / TILE * CHUNK + tap - from) * TILE + i % TILE] = offsets[i] < 0 ? 0 : plane[offsets[i]];
        }
    }
}

/* sums (FILTERS, TILE) += weights (FILTERS, taps) x panel (taps, TILE) */
static void multiply(int64_t taps, const real *const weights[FILTERS], const real *panel, real sums[FILTERS][TILE])
{
    real acc[FILTERS][TILE];
    for (int f = 0; f < FILTERS; f++)
        for (int i = 0; i < TILE; i++) acc[f][i] = sums[f][i];
    for (int64_t tap = 0; tap < taps; tap++)
        for (int f = 0; f < FILTERS; f++)
#pragma omp simd
            for (int i = 0; i < TILE; i++) acc[f][i] += weights[f][tap] * panel[tap * TILE + i];
    for (int f = 0; f < FILTERS; f++)
        for (int i = 0; i < TILE; i++) sums[f][i] = acc[f][i];
}

/* Adds taps [from, to) to FILTERS channels of dst, from channel k of the group on, at the TILE pixels from `pixel` of the
 * panel on. Where there are fewer channels, the last one is computed again and dropped. */
static void add_taps(const job *j, const piece *at, int64_t k, int64_t pixel, int64_t from, int64_t to,
                     const real *panel)
{
    real sums[FILTERS][TILE] = {{0}};
    const real *weights[FILTERS];
    int64_t filters = at->end - k < FILTERS ? at->end - k : FILTERS;
    int64_t pixels = at->count - pixel < TILE ? at->count - pixel : TILE;
    int64_t channel = at->group * j->K + k, area = j->P * j->Q;
    int64_t place = (at->n * j->groups * j->K + channel) * area + at->first + pixel; /* in dst, of the first channel */
    for (int64_t f = 0; f < FILTERS; f++) {
        weights[f] = j->weights + (channel + (f < filters ? f : filters - 1)) * j->taps + from;
        for (int64_t i = 0; i < pixels && f < filters; i++) {
            if (from > 0)
                sums[f][i] = j->dst[place + f * area + i];
            else
                sums[f][i] =
                    (j->bias ? j->bias[channel + f] : 0) + (j->residual ? j->residual[place + f * area + i] : 0);
        }
    }
    multiply(to - from, weights, panel + pixel * CHUNK, sums);
    bool with_relu = j->relu && to == j->taps;
    for (int64_t f = 0; f < filters; f++)
        for (int64_t i = 0; i < pixels; i++) j->dst[place + f * area + i] = with_relu ? relu(sums[f][i]) : sums[f][i];
}

static void compute(const job *j, piece *at)
{
    real panel[PANEL * CHUNK];
    locate_windows(j, at);
    for (int64_t from = 0; from < j->taps; from += CHUNK) {
        int64_t to = from + CHUNK < j->taps ? from + CHUNK : j->taps;
        gather(j, at, from, to, panel);
        for (int64_t k = at->begin; k < at->end; k += FILTERS)
            for (int64_t pixel = 0; pixel < at->count; pixel += TILE) add_taps(j, at, k, pixel, from, to, panel);
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t *src = desc->inputs[0].dims, *weights = desc->inputs[1].dims, *dst = desc->outputs[0].dims;
    int64_t groups = desc->attr.conv.groups;
    job j = {
        .attr = &desc->attr.conv,
        .N = src[0],
        .groups = groups,
        .C = weights[1],
        .H = src[2],
        .W = src[3],
        .K = weights[0] / groups,
        .R = weights[2],
        .S = weights[3],
        .P = dst[2],
        .Q = dst[3],
        .taps = weights[1] * weights[2] * weights[3],
        .src = inputs[0],
        .weights = inputs[1],
        .bias = desc->flags & SHUNT_FLAG_BIAS ? inputs[2] : NULL,
        .residual = desc->flags & SHUNT_FLAG_RESIDUAL ? inputs[desc->ninputs - 1] : NULL,
        .dst = outputs[0],
        .relu = desc->flags & SHUNT_FLAG_RELU,
    };
    int64_t parts = (j.K + PART - 1) / PART, area = j.P * j.Q;
#pragma omp parallel for collapse(3) schedule(dynamic)                                                                 \
    num_threads(threads) if (j.N * j.K * area * j.taps > SCALAR_SMALL)
    for (int64_t image = 0; image < j.N * groups; image++) {
        for (int64_t part = 0; part < parts; part++) {
            for (int64_t first = 0; first < area; first += PANEL) {
                int64_t begin = part * PART, end = begin + PART < j.K ? begin + PART : j.K;
                piece at = {.n = image / groups, .group = image % groups, .begin = begin, .end = end, .first = first};
                compute(&j, &at);
            }
        }
    }
}

const scalar_op TYPED(scalar_conv) = {
    .ninputs = 2,
    .flags = SHUNT_FLAG_BIAS | SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU,
    .check = check,
    .flops = flops,
    .run = run,
};
