/* conv_grad_weights.c - diff_weights = the sum over images and pixels of diff_dst times the source value that each tap saw
 * there; diff_bias = that of diff_dst alone.
 *
 * A part is TILE taps of up to PART output channels of a group. For CHUNK pixels at a time the taps' source values are
 * gathered, and FILTERS rows of diff_dst at once multiplied with them on registers. The sums of such pieces are added in
 * double, in the order of the pixels: over a batch there are more terms than float can count. */
#include "panel.h"

#include <string.h>

enum { PART = 64 };

/* A group takes C channels of src to K of diff_dst; taps = C*R*S; area = P*Q. */
typedef struct job {
    windows windows;
    int64_t N, groups, C, K, area, taps;
    const real *src, *diff_dst;
    real *diff_weights;
} job;

/* What a thread works with. */
typedef struct scratch {
    double totals[PART][TILE];
    real panel[CHUNK * TILE];
    int64_t offsets[CHUNK];
} scratch;

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *diff_weights = &desc->outputs[0];
    shunt_status status =
        scalar_expect_forward(desc, &TYPED(scalar_conv), &desc->inputs[0], diff_weights, &desc->inputs[1]);
    if (!status && desc->flags & SHUNT_FLAG_BIAS)
        status = scalar_expect_dims(&desc->outputs[1], "diff_bias", 1, diff_weights->dims);
    return status;
}

/* panel is (count, TILE): taps [tap, tap + taps) of the windows of pixels [first, first + count), then zeros. */
static void gather_taps(const job *j, const real *src, int64_t tap, int64_t taps, int64_t first, int64_t count,
                        int64_t *offsets, real *panel)
{
    const windows *v = &j->windows;
    int64_t window = v->R * v->S;
    for (int64_t t = 0; t < TILE; t++) {
        int64_t rs = (tap + t) % window;
        const real *plane = src + (tap + t) / window * v->rows.length * v->columns.length;
        if (t < taps) locate(v, rs / v->S, rs % v->S, first, count, offsets);
        for (int64_t i = 0; i < count; i++) panel[i * TILE + t] = t >= taps || offsets[i] < 0 ? 0 : plane[offsets[i]];
    }
}

/* Adds to totals (channels, TILE) what the panel's pixels give. diff_dst: of the first channel, at the first pixel. */
static void add_pixels(const job *j, const real *diff_dst, int64_t channels, int64_t count, const real *panel,
                       double (*totals)[TILE])
{
    for (int64_t k = 0; k < channels; k += FILTERS) {
        real sums[FILTERS][TILE] = {{0}};
        const real *rows[FILTERS];
        int64_t filters = channels - k < FILTERS ? channels - k : FILTERS;
        for (int64_t f = 0; f < FILTERS; f++) rows[f] = diff_dst + (k + (f < filters ? f : filters - 1)) * j->area;
        multiply(count, rows, panel, sums);
        for (int64_t f = 0; f < filters; f++)
            for (int64_t t = 0; t < TILE; t++) totals[k + f][t] += (double)sums[f][t];
    }
}

static void compute(const job *j, int64_t group, int64_t begin, int64_t tap, scratch *own)
{
    memset(own->totals, 0, sizeof own->totals);
    int64_t channels = j->K - begin < PART ? j->K - begin : PART, taps = j->taps - tap < TILE ? j->taps - tap : TILE;
    int64_t plane = j->windows.rows.length * j->windows.columns.length, channel = group * j->K + begin;
    for (int64_t n = 0; n < j->N; n++) {
        const real *src = j->src + (n * j->groups + group) * j->C * plane;
        const real *diff_dst = j->diff_dst + (n * j->groups * j->K + channel) * j->area;
        for (int64_t first = 0; first < j->area; first += CHUNK) {
            int64_t count = j->area - first < CHUNK ? j->area - first : CHUNK;
            gather_taps(j, src, tap, taps, first, count, own->offsets, own->panel);
            add_pixels(j, diff_dst + first, channels, count, own->panel, own->totals);
        }
    }
    for (int64_t k = 0; k < channels; k++)
        for (int64_t t = 0; t < taps; t++) j->diff_weights[(channel + k) * j->taps + tap + t] = (real)own->totals[k][t];
}

static void sum_bias(const job *j, real *diff_bias, int threads)
{
    int64_t K = j->groups * j->K;
#pragma omp parallel for num_threads(threads) if (j->N * K * j->area > SCALAR_SMALL)
    for (int64_t k = 0; k < K; k++) {
        double total = 0;
        for (int64_t n = 0; n < j->N; n++) {
            const real *diff_dst = j->diff_dst + (n * K + k) * j->area;
            double sum = 0;
#pragma omp simd reduction(+ : sum)
            for (int64_t i = 0; i < j->area; i++) sum += (double)diff_dst[i];
            total += sum;
        }
        diff_bias[k] = (real)total;
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads, void *memory)
{
    scratch *own = memory; /* of each thread */
    const int64_t *src = desc->inputs[0].dims, *dst = desc->inputs[1].dims, *weights = desc->outputs[0].dims;
    job j = {
        .windows = conv_windows(&desc->attr.conv, src, weights, dst),
        .N = src[0],
        .groups = desc->attr.conv.groups,
        .C = weights[1],
        .K = weights[0] / desc->attr.conv.groups,
        .area = dst[2] * dst[3],
        .taps = weights[1] * weights[2] * weights[3],
        .src = inputs[0],
        .diff_dst = inputs[1],
        .diff_weights = outputs[0],
    };
#pragma omp parallel for collapse(3) schedule(dynamic)                                                                 \
    num_threads(threads) if (j.N * j.K * j.area * j.taps > SCALAR_SMALL)
    for (int64_t group = 0; group < j.groups; group++)
        for (int64_t begin = 0; begin < j.K; begin += PART)
            for (int64_t tap = 0; tap < j.taps; tap += TILE) compute(&j, group, begin, tap, &own[omp_get_thread_num()]);
    if (desc->flags & SHUNT_FLAG_BIAS) sum_bias(&j, outputs[1], threads);
}

const scalar_op TYPED(scalar_conv_grad_weights) = {
    .flags = SHUNT_FLAG_BIAS,
    .check = check,
    .run_with = run,
    .scratch = sizeof(scratch),
};
