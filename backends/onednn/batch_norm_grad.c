/* batch_norm_grad.c - a batch's own statistics, and the gradient through them. Sums are taken in double, a channel by one
 * thread, so they do not depend on how many there are.
 *   BATCH_STATISTICS  src (N,C,...) -> mean (C), variance (C)
 *   BATCH_NORM_GRAD   src, scale, shift, mean, variance, diff_dst -> diff_src, diff_scale, diff_shift */
#include "blocks.h"

#include <math.h>
#include <string.h>

enum { MOST_LANES = 64 };

static shunt_status check_statistics(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0];
    for (uint32_t i = 0; i < 2; i++)
        if (src->rank < 2 || desc->outputs[i].rank != 1 || desc->outputs[i].dims[0] != src->dims[1])
            return onednn_fail(SHUNT_E_INVALID, "output %u does not have one number a channel", i);
    return SHUNT_OK;
}

static shunt_status check_grad(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0];
    if (src->rank < 2 || memcmp(src, &desc->inputs[5], sizeof *src) || memcmp(src, &desc->outputs[0], sizeof *src))
        return onednn_fail(SHUNT_E_UNSUPPORTED, "src, diff_dst and diff_src are not alike, or have no channels");
    for (uint32_t i = 1; i < 5; i++)
        if (desc->inputs[i].rank != 1 || desc->inputs[i].dims[0] != src->dims[1])
            return onednn_fail(SHUNT_E_INVALID, "input %u does not have one number a channel", i);
    for (uint32_t i = 1; i < 3; i++)
        if (desc->outputs[i].rank != 1 || desc->outputs[i].dims[0] != src->dims[1])
            return onednn_fail(SHUNT_E_INVALID, "output %u does not have one number a channel", i);
    return SHUNT_OK;
}

/* Up to MOST_LANES neighbouring channels: those that one thread takes together. */
typedef struct part {
    int64_t channel, first, count; /* of all; its place in a pixel of the block; how many */
    int64_t block;
} part;

static part part_of(const blocks *b, int64_t index)
{
    int64_t parts = (b->lanes + MOST_LANES - 1) / MOST_LANES;
    part p = {.block = index / parts, .first = index % parts * MOST_LANES};
    p.count = blocks_used(b, p.block) - p.first;
    if (p.count > MOST_LANES) p.count = MOST_LANES;
    if (p.count < 0) p.count = 0;
    p.channel = p.block * b->lanes + p.first;
    return p;
}

static int64_t parts_of(const blocks *b)
{
    return b->blocks * ((b->lanes + MOST_LANES - 1) / MOST_LANES);
}

/* Where the part's channels of pixel i of image n are. */
static int64_t place(const blocks *b, const part *p, int64_t n, int64_t i)
{
    return ((n * b->blocks + p->block) * b->H * b->W + i) * b->lanes + p->first;
}

static void statistics_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const blocks b = blocks_of_any(&desc->inputs[0]);
    const float *src = inputs[0];
    int64_t area = b.H * b.W;
    double m = (double)(b.N * area);
#pragma omp parallel for
    for (int64_t index = 0; index < parts_of(&b); index++) {
        part p = part_of(&b, index);
        double sums[MOST_LANES] = {0}, squares[MOST_LANES] = {0};
        for (int64_t n = 0; n < b.N; n++)
            for (int64_t i = 0; i < area; i++)
                for (int64_t lane = 0; lane < p.count; lane++) sums[lane] += src[place(&b, &p, n, i) + lane];
        for (int64_t lane = 0; lane < p.count; lane++) sums[lane] /= m;
        for (int64_t n = 0; n < b.N; n++)
            for (int64_t i = 0; i < area; i++)
                for (int64_t lane = 0; lane < p.count; lane++) {
                    double d = src[place(&b, &p, n, i) + lane] - sums[lane];
                    squares[lane] += d * d;
                }
        for (int64_t lane = 0; lane < p.count; lane++) {
            outputs[0][p.channel + lane] = (float)sums[lane];
            outputs[1][p.channel + lane] = (float)(squares[lane] / m);
        }
    }
}

/* A part's constants: dst = (src - mean) * factor + shift; normal = (src - mean) * inverse. */
typedef struct norm {
    float mean[MOST_LANES], inverse[MOST_LANES], factor[MOST_LANES], shift[MOST_LANES];
} norm;

static void read_norm(const shunt_op_desc *desc, const float *const *inputs, const part *p, norm *out)
{
    for (int64_t lane = 0; lane < p->count; lane++) {
        int64_t c = p->channel + lane;
        out->mean[lane] = inputs[3][c];
        out->inverse[lane] = 1 / sqrtf(inputs[4][c] + desc->attr.batch_norm.epsilon);
        out->factor[lane] = inputs[1][c] / sqrtf(inputs[4][c] + desc->attr.batch_norm.epsilon);
        out->shift[lane] = inputs[2][c];
    }
}

/* What arrives at dst through the ReLU, if there is one. */
static float arriving(const norm *k, int64_t lane, float x, float diff, bool with_relu)
{
    return with_relu && !((x - k->mean[lane]) * k->factor[lane] + k->shift[lane] > 0) ? 0 : diff;
}

static void grad_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const blocks b = blocks_of_any(&desc->inputs[0]);
    const float *src = inputs[0], *diff_dst = inputs[5];
    bool with_relu = desc->flags & SHUNT_FLAG_RELU;
    int64_t area = b.H * b.W;
    double m = (double)(b.N * area);
    if (b.C % b.lanes) memset(outputs[0], 0, shunt_tensor_bytes(&desc->outputs[0])); /* the lanes past the channels */
#pragma omp parallel for
    for (int64_t index = 0; index < parts_of(&b); index++) {
        part p = part_of(&b, index);
        double shifts[MOST_LANES] = {0}, scales[MOST_LANES] = {0};
        norm k;
        read_norm(desc, inputs, &p, &k);
        for (int64_t n = 0; n < b.N; n++)
            for (int64_t i = 0; i < area; i++)
                for (int64_t lane = 0, at = place(&b, &p, n, i); lane < p.count; lane++, at++) {
                    float g = arriving(&k, lane, src[at], diff_dst[at], with_relu);
                    shifts[lane] += g;
                    scales[lane] += (double)g * ((src[at] - k.mean[lane]) * k.inverse[lane]);
                }
        for (int64_t n = 0; n < b.N; n++)
            for (int64_t i = 0; i < area; i++)
                for (int64_t lane = 0, at = place(&b, &p, n, i); lane < p.count; lane++, at++) {
                    float g = arriving(&k, lane, src[at], diff_dst[at], with_relu);
                    float normal = (src[at] - k.mean[lane]) * k.inverse[lane];
                    outputs[0][at] =
                        k.factor[lane] * (g - (float)(shifts[lane] / m) - normal * (float)(scales[lane] / m));
                }
        for (int64_t lane = 0; lane < p.count; lane++) {
            outputs[1][p.channel + lane] = (float)scales[lane];
            outputs[2][p.channel + lane] = (float)shifts[lane];
        }
    }
}

const onednn_kind onednn_batch_statistics = {.loop = statistics_loop, .check = check_statistics};
const onednn_kind onednn_batch_norm_grad = {.flags = SHUNT_FLAG_RELU, .loop = grad_loop, .check = check_grad};
