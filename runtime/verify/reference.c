/* reference.c - the naive truth: one loop per index of the formula, nothing shared with any backend. */
#include "runtime/verify/reference.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Element (n, c, h, w) of a plain tensor, or `outside` where h and w leave it. */
static double at(const shunt_tensor_desc *t, const double *values, int64_t n, int64_t c, int64_t h, int64_t w,
                 double outside)
{
    if (h < 0 || h >= t->dims[2] || w < 0 || w >= t->dims[3]) return outside;
    return values[((n * t->dims[1] + c) * t->dims[2] + h) * t->dims[3] + w];
}

static double activate(const shunt_op_desc *desc, double value)
{
    if (!(desc->flags & SHUNT_FLAG_RELU) && desc->kind != SHUNT_OP_RELU) return value;
    return isnan(value) || value > 0 ? value : 0;
}

/* One output of a convolution: output channel k at row p, column q. */
static void conv_at(const shunt_op_desc *d, const double *const *in, int64_t n, int64_t k, int64_t p, int64_t q,
                    double *sum, double *scale)
{
    const shunt_conv_attr *a = &d->attr.conv;
    const shunt_tensor_desc *weights = &d->inputs[1];
    int64_t per_group = weights->dims[0] / a->groups, first = k / per_group * weights->dims[1];
    for (int64_t c = 0; c < weights->dims[1]; c++) {
        for (int64_t r = 0; r < weights->dims[2]; r++) {
            for (int64_t s = 0; s < weights->dims[3]; s++) {
                int64_t h = p * a->stride[0] + r * a->dilation[0] - a->pad_before[0];
                int64_t w = q * a->stride[1] + s * a->dilation[1] - a->pad_before[1];
                double term = at(&d->inputs[0], in[0], n, first + c, h, w, 0) * at(weights, in[1], k, c, r, s, 0);
                *sum += term;
                *scale += fabs(term);
            }
        }
    }
}

static void conv(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    const int64_t *dst = d->outputs[0].dims;
    const double *bias = d->flags & SHUNT_FLAG_BIAS ? in[2] : NULL;
    const double *residual = d->flags & SHUNT_FLAG_RESIDUAL ? in[d->ninputs - 1] : NULL;
    int64_t i = 0;
    for (int64_t n = 0; n < dst[0]; n++) {
        for (int64_t k = 0; k < dst[1]; k++) {
            for (int64_t p = 0; p < dst[2]; p++) {
                for (int64_t q = 0; q < dst[3]; q++, i++) {
                    double extra = (bias ? bias[k] : 0) + (residual ? residual[i] : 0), sum = extra;
                    scale[i] = (bias ? fabs(bias[k]) : 0) + (residual ? fabs(residual[i]) : 0);
                    conv_at(d, in, n, k, p, q, &sum, &scale[i]);
                    output[i] = activate(d, sum);
                }
            }
        }
    }
}

static void linear(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    int64_t N = d->inputs[0].dims[0], C = d->inputs[0].dims[1], K = d->inputs[1].dims[0];
    for (int64_t n = 0; n < N; n++) {
        for (int64_t k = 0; k < K; k++) {
            double sum = d->flags & SHUNT_FLAG_BIAS ? in[2][k] : 0, size = fabs(sum);
            for (int64_t c = 0; c < C; c++) {
                sum += in[0][n * C + c] * in[1][k * C + c];
                size += fabs(in[0][n * C + c] * in[1][k * C + c]);
            }
            output[n * K + k] = activate(d, sum);
            scale[n * K + k] = size;
        }
    }
}

static void batch_norm(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    int64_t count = (int64_t)shunt_tensor_count(&d->inputs[0]), C = d->inputs[0].dims[1];
    int64_t area = count / (d->inputs[0].dims[0] * C);
    for (int64_t i = 0; i < count; i++) {
        int64_t c = i / area % C;
        double deviation = sqrt(in[4][c] + (double)d->attr.batch_norm.epsilon);
        double residual = d->flags & SHUNT_FLAG_RESIDUAL ? in[5][i] : 0;
        output[i] = activate(d, (in[0][i] - in[3][c]) / deviation * in[1][c] + in[2][c] + residual);
        scale[i] = (fabs(in[0][i]) + fabs(in[3][c])) / deviation * fabs(in[1][c]) + fabs(in[2][c]) + fabs(residual);
    }
}

/* Row-major index in t of the place that is number `index` in dst, an axis of 1 being repeated. */
static uint64_t repeated(const shunt_tensor_desc *t, const shunt_tensor_desc *dst, uint64_t index)
{
    uint64_t result = 0, stride = 1;
    for (uint32_t i = dst->rank; i-- > 0;) {
        uint64_t at = index % (uint64_t)dst->dims[i];
        index /= (uint64_t)dst->dims[i];
        result += t->dims[i] == 1 ? 0 : at * stride;
        stride *= (uint64_t)t->dims[i];
    }
    return result;
}

/* RELU with one input, ADD with two. */
static void elementwise(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        double a = in[0][repeated(&d->inputs[0], &d->outputs[0], i)];
        double b = d->kind == SHUNT_OP_ADD ? in[1][repeated(&d->inputs[1], &d->outputs[0], i)] : 0;
        output[i] = activate(d, a + b);
        scale[i] = d->kind == SHUNT_OP_ADD ? fabs(a) + fabs(b) : 0;
    }
}

static void clip(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    double low = (double)d->attr.clip.low, high = (double)d->attr.clip.high;
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        output[i] = isnan(in[0][i]) ? in[0][i] : fmin(fmax(in[0][i], low), high);
        scale[i] = 0;
    }
}

static void pool_at(const shunt_op_desc *d, const double *src, int64_t n, int64_t c, int64_t p, int64_t q,
                    double *output, double *scale)
{
    const shunt_pool_attr *a = &d->attr.pool;
    double most = -INFINITY, sum = 0, size = 0;
    int64_t inside = 0, dilation[2] = {1, 1};
    bool nan = false;
    for (int i = 0; d->flags & SHUNT_FLAG_DILATED && i < 2; i++) dilation[i] = a->dilation[i];
    for (int64_t r = 0; r < a->window[0]; r++) {
        for (int64_t s = 0; s < a->window[1]; s++) {
            int64_t h = p * a->stride[0] + r * dilation[0] - a->pad_before[0];
            int64_t w = q * a->stride[1] + s * dilation[1] - a->pad_before[1];
            double value = at(&d->inputs[0], src, n, c, h, w, -INFINITY), added = at(&d->inputs[0], src, n, c, h, w, 0);
            inside += h >= 0 && h < d->inputs[0].dims[2] && w >= 0 && w < d->inputs[0].dims[3];
            nan |= isnan(value);
            most = fmax(most, value);
            sum += added;
            size += fabs(added);
        }
    }
    double divisor = a->count_padding ? (double)a->window[0] * a->window[1] : (double)inside;
    *output = d->kind == SHUNT_OP_AVG_POOL ? sum / divisor : nan ? (double)NAN : most;
    *scale = d->kind == SHUNT_OP_AVG_POOL ? size / divisor : 0;
}

static void pool(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    const int64_t *dst = d->outputs[0].dims;
    int64_t i = 0;
    for (int64_t n = 0; n < dst[0]; n++)
        for (int64_t c = 0; c < dst[1]; c++)
            for (int64_t p = 0; p < dst[2]; p++)
                for (int64_t q = 0; q < dst[3]; q++, i++) pool_at(d, in[0], n, c, p, q, &output[i], &scale[i]);
}

static void global_pool(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    const int64_t *src = d->inputs[0].dims;
    int64_t area = src[2] * src[3];
    for (int64_t plane = 0; plane < src[0] * src[1]; plane++) {
        output[plane] = scale[plane] = 0;
        for (int64_t i = 0; i < area; i++) {
            output[plane] += in[0][plane * area + i] / (double)area;
            scale[plane] += fabs(in[0][plane * area + i]) / (double)area;
        }
    }
}

/* The argument of exp() is rounded before it is raised: that error grows with its size. */
static void softmax(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    int64_t N = d->inputs[0].dims[0], C = d->inputs[0].dims[1];
    for (int64_t n = 0; n < N; n++) {
        const double *x = in[0] + n * C;
        double most = -INFINITY, sum = 0;
        for (int64_t c = 0; c < C; c++) most = fmax(most, x[c]);
        for (int64_t c = 0; c < C; c++) sum += exp(x[c] - most);
        for (int64_t c = 0; c < C; c++) {
            double share = exp(x[c] - most) / sum;
            bool logarithm = d->kind == SHUNT_OP_LOG_SOFTMAX;
            output[n * C + c] = logarithm ? x[c] - most - log(sum) : share;
            scale[n * C + c] = logarithm ? 1 + fabs(x[c]) + fabs(most) + log(sum) : share * (3 + most - x[c]);
        }
    }
}

static void shortcut(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    const shunt_tensor_desc *src = &d->inputs[0];
    const int64_t *dst = d->outputs[0].dims;
    int64_t stride = d->attr.shortcut.stride, i = 0;
    for (int64_t n = 0; n < dst[0]; n++) {
        for (int64_t k = 0; k < dst[1]; k++) {
            for (int64_t p = 0; p < dst[2]; p++) {
                for (int64_t q = 0; q < dst[3]; q++, i++) {
                    int64_t c = k - d->attr.shortcut.lead;
                    output[i] = c >= 0 && c < src->dims[1] ? at(src, in[0], n, c, p * stride, q * stride, NAN) : 0;
                    scale[i] = 0;
                }
            }
        }
    }
}

static uint64_t stride_of(const shunt_tensor_desc *t, uint32_t axis)
{
    uint64_t stride = 1;
    for (uint32_t i = axis + 1; i < t->rank; i++) stride *= (uint64_t)t->dims[i];
    return stride;
}

static void transpose(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    const shunt_tensor_desc *src = &d->inputs[0], *dst = &d->outputs[0];
    for (uint64_t i = 0; i < shunt_tensor_count(dst); i++) {
        uint64_t from = 0;
        for (uint32_t axis = 0; axis < dst->rank; axis++)
            from += i / stride_of(dst, axis) % (uint64_t)dst->dims[axis] *
                    stride_of(src, (uint32_t)d->attr.transpose.axes[axis]);
        output[i] = in[0][from];
        scale[i] = 0;
    }
}

static void concat(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    uint32_t axis = (uint32_t)d->attr.concat.axis;
    uint64_t inner = stride_of(&d->outputs[0], axis), both = (uint64_t)d->outputs[0].dims[axis];
    uint64_t first = (uint64_t)d->inputs[0].dims[axis], second = both - first;
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        uint64_t outer = i / inner / both, at = i / inner % both, rest = i % inner;
        output[i] = at < first ? in[0][(outer * first + at) * inner + rest]
                               : in[1][(outer * second + at - first) * inner + rest];
        scale[i] = 0;
    }
}

static void pad(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    const shunt_pad_attr *a = &d->attr.pad;
    const shunt_tensor_desc *src = &d->inputs[0], *dst = &d->outputs[0];
    for (uint64_t i = 0; i < shunt_tensor_count(dst); i++) {
        uint64_t from = 0;
        bool outside = false;
        for (uint32_t axis = 0; axis < dst->rank; axis++) {
            int64_t size = src->dims[axis],
                    at = (int64_t)(i / stride_of(dst, axis)) % dst->dims[axis] - a->before[axis];
            if (a->mode == SHUNT_PAD_CONSTANT) outside |= at < 0 || at >= size;
            if (a->mode == SHUNT_PAD_REFLECT) at = at < 0 ? -at : at >= size ? 2 * size - 2 - at : at;
            if (at < 0) at = 0;
            if (at >= size) at = size - 1;
            from += (uint64_t)at * stride_of(src, axis);
        }
        output[i] = outside ? (double)a->value : in[0][from];
        scale[i] = 0;
    }
}

static void matmul(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    const int64_t *a = d->inputs[0].dims, *b = d->inputs[1].dims, *dst = d->outputs[0].dims;
    for (int64_t i = 0; i < dst[0] * dst[1] * dst[2]; i++) {
        int64_t n = i % dst[2], m = i / dst[2] % dst[1], batch = i / dst[2] / dst[1];
        output[i] = scale[i] = 0;
        for (int64_t k = 0; k < a[2]; k++) {
            double term = in[0][((a[0] == 1 ? 0 : batch) * a[1] + m) * a[2] + k] *
                          in[1][((b[0] == 1 ? 0 : batch) * b[1] + k) * b[2] + n];
            output[i] += term;
            scale[i] += fabs(term);
        }
    }
}

/* RESHAPE too */
static void reorder(const shunt_op_desc *d, const double *const *in, double *output, double *scale)
{
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) output[i] = in[0][i], scale[i] = 0;
}

void reference_op(const shunt_op_desc *desc, const double *const *inputs, double *const *outputs, double *const *scales)
{
    static void (*const ops[SHUNT_OP_KINDS])(const shunt_op_desc *, const double *const *, double *, double *) = {
        [SHUNT_OP_CONV] = conv,         [SHUNT_OP_LINEAR] = linear,           [SHUNT_OP_BATCH_NORM] = batch_norm,
        [SHUNT_OP_RELU] = elementwise,  [SHUNT_OP_ADD] = elementwise,         [SHUNT_OP_MAX_POOL] = pool,
        [SHUNT_OP_AVG_POOL] = pool,     [SHUNT_OP_GLOBAL_POOL] = global_pool, [SHUNT_OP_SOFTMAX] = softmax,
        [SHUNT_OP_SHORTCUT] = shortcut, [SHUNT_OP_REORDER] = reorder,         [SHUNT_OP_TRANSPOSE] = transpose,
        [SHUNT_OP_RESHAPE] = reorder,   [SHUNT_OP_CONCAT] = concat,           [SHUNT_OP_PAD] = pad,
        [SHUNT_OP_CLIP] = clip,         [SHUNT_OP_LOG_SOFTMAX] = softmax,     [SHUNT_OP_MATMUL] = matmul,
    };
    if (!reference_training[desc->kind]) {
        ops[desc->kind](desc, inputs, outputs[0], scales[0]);
        return;
    }
    for (uint32_t i = 0; i < desc->noutputs; i++) {
        memset(outputs[i], 0, shunt_tensor_count(&desc->outputs[i]) * sizeof(double));
        memset(scales[i], 0, shunt_tensor_count(&desc->outputs[i]) * sizeof(double));
    }
    reference_training[desc->kind](desc, inputs, outputs, scales);
}

/* Terms in the sum behind one output, at most. */
static double terms(const shunt_op_desc *d)
{
    const int64_t *first = d->inputs[0].dims, *second = d->inputs[1].dims;
    switch (d->kind) {
    case SHUNT_OP_CONV:
        return (double)(second[1] * second[2] * second[3]);
    case SHUNT_OP_CONV_GRAD_SRC:
        return (double)(first[0] * first[2] * first[3]);
    case SHUNT_OP_CONV_GRAD_WEIGHTS:
        return (double)(second[0] * second[2] * second[3]);
    case SHUNT_OP_LINEAR_GRAD_SRC:
    case SHUNT_OP_LINEAR_GRAD_WEIGHTS:
        return (double)first[0];
    case SHUNT_OP_BATCH_STATISTICS:
    case SHUNT_OP_BATCH_NORM_GRAD:
        return (double)shunt_tensor_count(&d->inputs[0]) / (double)first[1];
    case SHUNT_OP_MAX_POOL_GRAD:
    case SHUNT_OP_AVG_POOL_GRAD:
    case SHUNT_OP_AVG_POOL:
        return (double)d->attr.pool.window[0] * d->attr.pool.window[1];
    case SHUNT_OP_MATMUL:
        return (double)d->inputs[0].dims[2];
    case SHUNT_OP_GLOBAL_POOL:
        return (double)(first[2] * first[3]);
    default:
        return (double)first[1];
    }
}

double reference_tolerance(const shunt_op_desc *desc, const char *algorithm)
{
    double unit = desc->outputs[0].dtype == SHUNT_F64 ? 0x1p-53 : 0x1p-24;
    double transforms = strncmp(algorithm, "winograd", 8) ? 1 : 16;
    return unit * (16 + sqrt(terms(desc))) * transforms;
}
