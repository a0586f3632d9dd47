/* conv.c - convolution: any stride, padding, dilation and groups; bias, residual and ReLU on request.
 *
 * Work is cut into panels of PANEL output pixels. For CHUNK of the C*R*S taps at a time, the panel's source values are
 * gathered (zeros for padding), then FILTERS output channels at once take their weighted sums over tiles of TILE pixels,
 * whose partial sums stay in registers. Between chunks they rest in dst, and each sum is taken in the order of the taps,
 * whatever the number of threads. A part is as many output channels as share one gathered panel. */
#include "panel.h"

enum { PART = 128 };

/* The whole job. A group takes C channels of src to K of dst; taps = C*R*S. */
typedef struct job {
    windows windows;
    int64_t N, groups, C, K, P, Q, taps;
    const real *src, *weights, *bias, *residual; /* the last two may be NULL */
    real *dst;
    bool relu;
} job;

/* A piece of it: output channels [begin, end) of image n's group, at the panel of pixels from `first` of P*Q on. */
typedef struct piece {
    int64_t n, group, begin, end, first, count;
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

static void compute(const job *j, piece *at, real *panel)
{
    int64_t rest = j->P * j->Q - at->first, plane = j->windows.rows.length * j->windows.columns.length;
    const real *src = j->src + (at->n * j->groups + at->group) * j->C * plane;
    at->count = rest < PANEL ? rest : PANEL;
    for (int64_t from = 0; from < j->taps; from += CHUNK) {
        int64_t to = from + CHUNK < j->taps ? from + CHUNK : j->taps;
        gather(&j->windows, src, at->first, at->count, from, to, panel);
        for (int64_t k = at->begin; k < at->end; k += FILTERS)
            for (int64_t pixel = 0; pixel < at->count; pixel += TILE) add_taps(j, at, k, pixel, from, to, panel);
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads, void *memory)
{
    real(*panels)[PANEL * CHUNK] = memory; /* of each thread */
    const int64_t *src = desc->inputs[0].dims, *weights = desc->inputs[1].dims, *dst = desc->outputs[0].dims;
    int64_t groups = desc->attr.conv.groups;
    job j = {
        .windows = conv_windows(&desc->attr.conv, src, weights, dst),
        .N = src[0],
        .groups = groups,
        .C = weights[1],
        .K = weights[0] / groups,
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
                compute(&j, &at, panels[omp_get_thread_num()]);
            }
        }
    }
}

const scalar_op TYPED(scalar_conv) = {
    .flags = SHUNT_FLAG_BIAS | SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU | SHUNT_FLAG_WIDE_SRC,
    .check = check,
    .run_with = run,
    .scratch = sizeof(real[PANEL * CHUNK]),
};
