/* batch_norm_grad.c - how BATCH_NORM_GRAD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/base/random.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/channel.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/reference.h"

#include <math.h>

/* A channel of one element has no variance, and a gradient that is 0. */
static void draw(dice *d, shunt_op_desc *op)
{
    shunt_op_desc norm = dice_forward(d, SHUNT_OP_BATCH_NORM, op);
    for (uint32_t i = 0; i < 5; i++) dice_input(op, norm.inputs[i], 0);
    dice_input(op, norm.outputs[0], 0);
    op->flags = norm.flags & SHUNT_FLAG_RELU;
    op->noutputs = 3;
    op->outputs[0] = norm.inputs[0];
    op->outputs[1] = op->outputs[2] = norm.inputs[1];
}

/* What comes through the ReLU behind a batch norm. So near to its kink that rounding decides, the outputs may be anything. */
static double arriving(const shunt_op_desc *d, const double *const *in, int64_t c, int64_t at, double deviation,
                       bool *undecided)
{
    if (!(d->flags & SHUNT_FLAG_RELU)) return in[5][at];
    double dst = (in[0][at] - in[3][c]) / deviation * in[1][c] + in[2][c];
    double size = (fabs(in[0][at]) + fabs(in[3][c])) / deviation * fabs(in[1][c]) + fabs(in[2][c]);
    *undecided |= fabs(dst) < 1e-5 * size;
    return dst > 0 ? in[5][at] : 0;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (int64_t c = 0; c < d->inputs[0].dims[1]; c++) {
        channel k = channel_at(&d->inputs[0], c);
        double deviation = sqrt(in[4][c] + (double)d->attr.batch_norm.epsilon), sizes = 0, m = (double)k.m;
        bool undecided = false;
        for (int64_t i = 0; i < k.m; i++) {
            int64_t at = channel_place(&k, i);
            double g = arriving(d, in, c, at, deviation, &undecided);
            naive_add(out, scale, 2, c, g);
            out[1][c] += g * (in[0][at] - in[3][c]) / deviation;
            sizes += fabs(g) * (fabs(in[0][at]) + fabs(in[3][c])) / deviation;
        }
        scale[1][c] = sizes;
        for (int64_t i = 0; i < k.m; i++) {
            int64_t at = channel_place(&k, i);
            double g = arriving(d, in, c, at, deviation, &undecided), normal = (in[0][at] - in[3][c]) / deviation;
            double size = (fabs(in[0][at]) + fabs(in[3][c])) / deviation;
            out[0][at] = in[1][c] / deviation * (g - out[2][c] / m - normal * out[1][c] / m);
            scale[0][at] = fabs(in[1][c]) / deviation * (fabs(g) + scale[2][c] / m + size * sizes / m);
            if (undecided) scale[0][at] = INFINITY;
        }
        if (undecided) scale[1][c] = scale[2][c] = INFINITY;
    }
}

static double terms(const shunt_op_desc *d)
{
    return (double)shunt_tensor_count(&d->inputs[0]) / (double)d->inputs[0].dims[1];
}

/* Element i of src, whose stream is `key`, as a device gets it. */
static double src_element(const shunt_op_desc *op, uint64_t key, uint64_t i)
{
    double value = 2 * random_at(key, i) - 1;
    shunt_op_desc one = *op;
    one.inputs[0].rank = 0;
    reference_round(&one, 0, false, &value);
    return value;
}

/* Mean or variance of channel c of a batch norm's src. */
static double statistic(const shunt_op_desc *op, uint64_t key, int64_t c, bool variance)
{
    const channel k = channel_at(&op->inputs[0], c);
    double mean = 0, sum = 0;
    for (int64_t i = 0; i < k.m; i++) mean += src_element(op, key, (uint64_t)channel_place(&k, i)) / (double)k.m;
    if (!variance) return mean;
    for (int64_t i = 0; i < k.m; i++) sum += pow(src_element(op, key, (uint64_t)channel_place(&k, i)) - mean, 2);
    return sum / (double)k.m;
}

static double element(const shunt_op_desc *desc, const char *name, uint32_t input, uint64_t i, double u)
{
    if (input != 3 && input != 4) return 2 * u - 1;
    return statistic(desc, dice_input_key(name, 0), (int64_t)i, input == 4);
}

const verify_op verify_batch_norm_grad = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
    .element = element,
    .nonfinite_input = 5,
    .spreads = true,
    .makes_src = true,
};
