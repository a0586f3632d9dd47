/* reference_training.c - the naive truth of the kinds that training adds, from the formulas of backend.h: gradients are
 * scattered term by term, where backends gather. Every function fills outputs and scales, which start as zeros. */
#include "runtime/verify/reference.h"

#include <math.h>
#include <stdbool.h>

static void add(double *const *out, double *const *scale, uint32_t output, int64_t at, double term)
{
    out[output][at] += term;
    scale[output][at] += fabs(term);
}

/* One of C channels: elements i of it are at place(i). */
typedef struct channel {
    int64_t c, C, area, m; /* m: elements */
} channel;

static channel channel_of(const shunt_tensor_desc *src, int64_t c)
{
    int64_t C = src->dims[1], m = (int64_t)shunt_tensor_count(src) / C;
    return (channel){c, C, m / src->dims[0], m};
}

static int64_t place(const channel *k, int64_t i)
{
    return (i / k->area * k->C + k->c) * k->area + i % k->area;
}

static void batch_statistics(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (int64_t c = 0; c < d->inputs[0].dims[1]; c++) {
        channel k = channel_of(&d->inputs[0], c);
        for (int64_t i = 0; i < k.m; i++) add(out, scale, 0, c, in[0][place(&k, i)] / (double)k.m);
        for (int64_t i = 0; i < k.m; i++) {
            double x = in[0][place(&k, i)], mean = out[0][c];
            out[1][c] += (x - mean) * (x - mean) / (double)k.m;
            scale[1][c] += (fabs(x) + fabs(mean)) * (fabs(x) + fabs(mean)) / (double)k.m;
        }
    }
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

static void batch_norm_grad(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (int64_t c = 0; c < d->inputs[0].dims[1]; c++) {
        channel k = channel_of(&d->inputs[0], c);
        double deviation = sqrt(in[4][c] + (double)d->attr.batch_norm.epsilon), sizes = 0, m = (double)k.m;
        bool undecided = false;
        for (int64_t i = 0; i < k.m; i++) {
            int64_t at = place(&k, i);
            double g = arriving(d, in, c, at, deviation, &undecided);
            add(out, scale, 2, c, g);
            out[1][c] += g * (in[0][at] - in[3][c]) / deviation;
            sizes += fabs(g) * (fabs(in[0][at]) + fabs(in[3][c])) / deviation;
        }
        scale[1][c] = sizes;
        for (int64_t i = 0; i < k.m; i++) {
            int64_t at = place(&k, i);
            double g = arriving(d, in, c, at, deviation, &undecided), normal = (in[0][at] - in[3][c]) / deviation;
            double size = (fabs(in[0][at]) + fabs(in[3][c])) / deviation;
            out[0][at] = in[1][c] / deviation * (g - out[2][c] / m - normal * out[1][c] / m);
            scale[0][at] = fabs(in[1][c]) / deviation * (fabs(g) + scale[2][c] / m + size * sizes / m);
            if (undecided) scale[0][at] = INFINITY;
        }
        if (undecided) scale[1][c] = scale[2][c] = INFINITY;
    }
}

static void relu_grad(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale;
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) out[0][i] = in[0][i] > 0 ? in[1][i] : 0;
}

/* The dims of a convolution, and what a gradient of it sums. */
typedef struct products {
    const shunt_conv_attr *attr;
    const int64_t *src, *weights, *dst;
    const double *const *in;
    double *const *out, *const *scale;
} products;

/* src[x] * weights[y] is a term of dst[z]. */
typedef void product(const products *all, int64_t x, int64_t y, int64_t z);

/* Those of the window that makes dst[z], at row p and column q of output channel k of image n. */
static void each_of_window(const products *all, product *visit, int64_t n, int64_t k, int64_t p, int64_t q, int64_t z)
{
    const shunt_conv_attr *a = all->attr;
    const int64_t *src = all->src, *weights = all->weights;
    int64_t first = k / (weights[0] / a->groups) * weights[1], y = k * weights[1] * weights[2] * weights[3];
    for (int64_t c = 0; c < weights[1]; c++) {
        for (int64_t r = 0; r < weights[2]; r++) {
            for (int64_t s = 0; s < weights[3]; s++, y++) {
                int64_t h = p * a->stride[0] + r * a->dilation[0] - a->pad_before[0];
                int64_t w = q * a->stride[1] + s * a->dilation[1] - a->pad_before[1];
                bool inside = h >= 0 && h < src[2] && w >= 0 && w < src[3];
                if (inside) visit(all, ((n * src[1] + first + c) * src[2] + h) * src[3] + w, y, z);
            }
        }
    }
}

static void each_product(const products *all, product *visit)
{
    const int64_t *dst = all->dst;
    int64_t z = 0;
    for (int64_t n = 0; n < dst[0]; n++)
        for (int64_t k = 0; k < dst[1]; k++)
            for (int64_t p = 0; p < dst[2]; p++)
                for (int64_t q = 0; q < dst[3]; q++, z++) each_of_window(all, visit, n, k, p, q, z);
}

static void add_to_src(const products *all, int64_t x, int64_t y, int64_t z)
{
    add(all->out, all->scale, 0, x, all->in[0][y] * all->in[1][z]);
}

static void add_to_weights(const products *all, int64_t x, int64_t y, int64_t z)
{
    add(all->out, all->scale, 0, y, all->in[0][x] * all->in[1][z]);
}

static void conv_grad_src(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const products all = {&d->attr.conv, d->outputs[0].dims, d->inputs[0].dims, d->inputs[1].dims, in, out, scale};
    each_product(&all, add_to_src);
    const double *residual = d->flags & SHUNT_FLAG_RESIDUAL ? in[2] : NULL;
    const double *mask = d->flags & SHUNT_FLAG_RELU ? in[d->ninputs - 1] : NULL;
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        if (residual) add(out, scale, 0, (int64_t)i, residual[i]);
        if (mask && !(mask[i] > 0)) out[0][i] = 0;
    }
}

static void conv_grad_weights(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const products all = {&d->attr.conv, d->inputs[0].dims, d->outputs[0].dims, d->inputs[1].dims, in, out, scale};
    each_product(&all, add_to_weights);
    const int64_t *dst = d->inputs[1].dims;
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->inputs[1]) && d->flags & SHUNT_FLAG_BIAS; i++)
        add(out, scale, 1, i / (dst[2] * dst[3]) % dst[1], in[1][i]);
}

static void linear_grad_src(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t N = d->inputs[1].dims[0], K = d->inputs[0].dims[0], C = d->inputs[0].dims[1];
    for (int64_t n = 0; n < N; n++)
        for (int64_t k = 0; k < K; k++)
            for (int64_t c = 0; c < C; c++) add(out, scale, 0, n * C + c, in[1][n * K + k] * in[0][k * C + c]);
}

static void linear_grad_weights(const shunt_op_desc *d, const double *const *in, double *const *out,
                                double *const *scale)
{
    int64_t N = d->inputs[0].dims[0], K = d->inputs[1].dims[1], C = d->inputs[0].dims[1];
    for (int64_t n = 0; n < N; n++) {
        for (int64_t k = 0; k < K; k++) {
            for (int64_t c = 0; c < C; c++) add(out, scale, 0, k * C + c, in[1][n * K + k] * in[0][n * C + c]);
            if (d->flags & SHUNT_FLAG_BIAS) add(out, scale, 1, k, in[1][n * K + k]);
        }
    }
}

/* The places in src that the window of dst[i] covers, row by row. Returns how many. */
static int64_t window_places(const shunt_pool_attr *a, const int64_t *src, const int64_t *dst, int64_t i,
                             int64_t places[64])
{
    int64_t plane = i / (dst[2] * dst[3]), p = i / dst[3] % dst[2], q = i % dst[3], count = 0;
    for (int64_t r = 0; r < a->window[0]; r++) {
        for (int64_t s = 0; s < a->window[1]; s++) {
            int64_t h = p * a->stride[0] + r - a->pad_before[0], w = q * a->stride[1] + s - a->pad_before[1];
            bool inside = h >= 0 && h < src[2] && w >= 0 && w < src[3];
            if (inside && count < 64) places[count++] = (plane * src[2] + h) * src[3] + w;
        }
    }
    return count;
}

static void pool_grad(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    bool maximum = d->kind == SHUNT_OP_MAX_POOL_GRAD;
    const shunt_pool_attr *a = &d->attr.pool;
    const shunt_tensor_desc *diff_dst = &d->inputs[maximum ? 1 : 0];
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(diff_dst); i++) {
        int64_t places[64], count = window_places(a, d->outputs[0].dims, diff_dst->dims, i, places), first = 0;
        for (int64_t j = 1; j < count && maximum; j++)
            if (in[0][places[j]] > in[0][places[first]]) first = j;
        double divisor = a->count_padding ? (double)a->window[0] * a->window[1] : (double)count;
        for (int64_t j = 0; j < count && !maximum; j++) add(out, scale, 0, places[j], in[0][i] / divisor);
        if (maximum) add(out, scale, 0, places[first], in[1][i]);
    }
}

static void global_pool_grad(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t area = d->outputs[0].dims[2] * d->outputs[0].dims[3];
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->outputs[0]); i++)
        add(out, scale, 0, i, in[0][i / area] / (double)area);
}

static void shortcut_grad(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const int64_t *src = d->outputs[0].dims, *dst = d->inputs[0].dims;
    int64_t stride = d->attr.shortcut.stride, lead = d->attr.shortcut.lead;
    (void)scale;
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->inputs[0]); i++) {
        int64_t q = i % dst[3], p = i / dst[3] % dst[2], c = i / (dst[3] * dst[2]) % dst[1] - lead;
        int64_t n = i / (dst[3] * dst[2] * dst[1]);
        if (c < 0 || c >= src[1]) continue;
        out[0][((n * src[1] + c) * src[2] + p * stride) * src[3] + q * stride] = in[0][i];
    }
}

/* Errors as softmax's in reference.c: that of the argument of exp() grows with its size. */
static void cross_entropy(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t N = d->inputs[0].dims[0], C = d->inputs[0].dims[1];
    double smoothing = (double)d->attr.cross_entropy.smoothing;
    for (int64_t n = 0; n < N; n++) {
        const double *x = in[0] + n * C;
        double most = -INFINITY, sum = 0;
        for (int64_t c = 0; c < C; c++) most = fmax(most, x[c]);
        for (int64_t c = 0; c < C; c++) sum += exp(x[c] - most);
        for (int64_t c = 0; c < C; c++) {
            double t = (c == (int64_t)in[1][n] ? 1 - smoothing : 0) + smoothing / (double)C;
            double share = exp(x[c] - most) / sum;
            if (t > 0 || isnan(sum)) out[0][n] -= t * (x[c] - most - log(sum));
            scale[0][n] += t > 0 ? t * (most - x[c] + log(sum) + 1) : 0;
            out[1][n * C + c] = (share - t) / (double)N;
            scale[1][n * C + c] = ((share > 0 ? share * (3 + most - x[c]) : 0) + t) / (double)N;
        }
    }
}

static void sgd(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    double momentum = (double)d->attr.sgd.momentum, decay = (double)d->attr.sgd.weight_decay, rate = in[3][0];
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        double g = in[2][i] + decay * in[0][i], size = fabs(in[2][i]) + decay * fabs(in[0][i]);
        double velocity = momentum * in[1][i] + g, velocity_size = momentum * fabs(in[1][i]) + size;
        bool nesterov = d->flags & SHUNT_FLAG_NESTEROV;
        out[0][i] = in[0][i] - rate * (nesterov ? g + momentum * velocity : velocity);
        out[1][i] = velocity;
        scale[0][i] = fabs(in[0][i]) + rate * (nesterov ? size + momentum * velocity_size : velocity_size);
        scale[1][i] = velocity_size;
    }
}

static void moving_average(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    double rate = (double)d->attr.moving_average.rate, factor = (double)d->attr.moving_average.scale;
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        out[0][i] = in[0][i] + rate * (factor * in[1][i] - in[0][i]);
        scale[0][i] = fabs(in[0][i]) + rate * (factor * fabs(in[1][i]) + fabs(in[0][i]));
    }
}

reference_function *const reference_training[SHUNT_OP_KINDS] = {
    [SHUNT_OP_BATCH_STATISTICS] = batch_statistics,
    [SHUNT_OP_BATCH_NORM_GRAD] = batch_norm_grad,
    [SHUNT_OP_RELU_GRAD] = relu_grad,
    [SHUNT_OP_CONV_GRAD_SRC] = conv_grad_src,
    [SHUNT_OP_CONV_GRAD_WEIGHTS] = conv_grad_weights,
    [SHUNT_OP_LINEAR_GRAD_SRC] = linear_grad_src,
    [SHUNT_OP_LINEAR_GRAD_WEIGHTS] = linear_grad_weights,
    [SHUNT_OP_MAX_POOL_GRAD] = pool_grad,
    [SHUNT_OP_AVG_POOL_GRAD] = pool_grad,
    [SHUNT_OP_GLOBAL_POOL_GRAD] = global_pool_grad,
    [SHUNT_OP_SHORTCUT_GRAD] = shortcut_grad,
    [SHUNT_OP_CROSS_ENTROPY] = cross_entropy,
    [SHUNT_OP_SGD] = sgd,
    [SHUNT_OP_MOVING_AVERAGE] = moving_average,
};
