/* batch_norm_grad.c - the gradients of dst = (src - mean) / sqrt(variance + epsilon) * scale + shift, where mean and
 * variance are the batch's own. With m elements a channel, normal = (src - mean) / deviation and the sums over the channel
 *     diff_shift = sum of diff_dst,  diff_scale = sum of diff_dst * normal,
 *     diff_src = scale / deviation * (diff_dst - diff_shift / m - normal * diff_scale / m).
 * With RELU diff_dst is 0 where dst, computed as in batch_norm.c, is not above 0. Sums are taken in double. */
#include "op.h"

/* One channel: its first plane of src and diff_dst, and how BATCH_NORM made dst of it. */
typedef struct channel {
    const real *src, *diff_dst;
    real *diff_src;
    int64_t N, area, step; /* images, elements of a plane, elements from plane to plane */
    real mean, factor, shift;
    bool relu;
} channel;

static shunt_status check(const shunt_op_desc *desc)
{
    shunt_op_desc forward = *desc;
    forward.outputs[0] = desc->inputs[5];
    shunt_status status = TYPED(scalar_batch_norm).check(&forward);
    if (!status) status = scalar_expect_same(&desc->outputs[0], "diff_src", &desc->inputs[0]);
    if (!status) status = scalar_expect_same(&desc->outputs[1], "diff_scale", &desc->inputs[1]);
    return status ? status : scalar_expect_same(&desc->outputs[2], "diff_shift", &desc->inputs[1]);
}

static inline real arriving(const channel *c, real src, real diff_dst)
{
    real dst = (src - c->mean) * c->factor + c->shift;
    return !c->relu || dst > 0 ? diff_dst : 0;
}

/* Sums of what arrives, and of it times (src - mean). */
static void sum(channel c, double *plain, double *centred)
{
    *plain = *centred = 0;
    for (int64_t n = 0; n < c.N; n++) {
        const real *src = c.src + n * c.step, *diff_dst = c.diff_dst + n * c.step;
        double first = 0, second = 0;
#pragma omp simd reduction(+ : first, second)
        for (int64_t i = 0; i < c.area; i++) {
            double diff = (double)arriving(&c, src[i], diff_dst[i]);
            first += diff;
            second += diff * ((double)src[i] - (double)c.mean);
        }
        *plain += first;
        *centred += second;
    }
}

/* diff_src = factor * (diff_dst - first - (src - mean) * second) */
static void write(channel c, real first, real second)
{
    for (int64_t n = 0; n < c.N; n++) {
        const real *src = c.src + n * c.step, *diff_dst = c.diff_dst + n * c.step;
        real *diff_src = c.diff_src + n * c.step;
#pragma omp simd
        for (int64_t i = 0; i < c.area; i++)
            diff_src[i] = c.factor * (arriving(&c, src[i], diff_dst[i]) - first - (src[i] - c.mean) * second);
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const shunt_tensor_desc *shape = &desc->inputs[0];
    int64_t N = shape->dims[0], C = shape->dims[1], count = (int64_t)shunt_tensor_count(shape), area = count / (N * C);
    const real *scale = inputs[1], *shift = inputs[2], *mean = inputs[3], *variance = inputs[4];
    real *diff_scale = outputs[1], *diff_shift = outputs[2], epsilon = (real)desc->attr.batch_norm.epsilon;
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t k = 0; k < C; k++) {
        real deviation = sqrt(variance[k] + epsilon);
        channel c = {
            .src = (const real *)inputs[0] + k * area,
            .diff_dst = (const real *)inputs[5] + k * area,
            .diff_src = (real *)outputs[0] + k * area,
            .N = N,
            .area = area,
            .step = C * area,
            .mean = mean[k],
            .factor = scale[k] / deviation,
            .shift = shift[k],
            .relu = desc->flags & SHUNT_FLAG_RELU,
        };
        double plain, centred, m = (double)(N * area);
        sum(c, &plain, &centred);
        write(c, (real)(plain / m), (real)(centred / m / ((double)deviation * (double)deviation)));
        diff_scale[k] = (real)(centred / (double)deviation);
        diff_shift[k] = (real)plain;
    }
}

const scalar_op TYPED(scalar_batch_norm_grad) = {
    .flags = SHUNT_FLAG_RELU,
    .inplace_inputs = 1u << 0 | 1u << 5,
    .check = check,
    .run = run,
};
