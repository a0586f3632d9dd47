/* naive.c - see naive.h. */
#include "runtime/verify/ops/naive.h"

#include <math.h>

double naive_at(const shunt_tensor_desc *t, const double *values, int64_t n, int64_t c, int64_t h, int64_t w,
                double outside)
{
    if (h < 0 || h >= t->dims[2] || w < 0 || w >= t->dims[3]) return outside;
    return values[((n * t->dims[1] + c) * t->dims[2] + h) * t->dims[3] + w];
}

double naive_relu(const shunt_op_desc *op, double value)
{
    if (!(op->flags & SHUNT_FLAG_RELU)) return value;
    return isnan(value) || value > 0 ? value : 0;
}

void naive_add(double *const *out, double *const *scale, uint32_t output, int64_t at, double term)
{
    out[output][at] += term;
    scale[output][at] += fabs(term);
}

uint64_t naive_stride(const shunt_tensor_desc *t, uint32_t axis)
{
    uint64_t stride = 1;
    for (uint32_t i = axis + 1; i < t->rank; i++) stride *= (uint64_t)t->dims[i];
    return stride;
}

uint64_t naive_repeated(const shunt_tensor_desc *t, const shunt_tensor_desc *dst, uint64_t index)
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

double naive_exp_sum(const double *x, int64_t C, double *max)
{
    double most = -INFINITY, sum = 0;
    for (int64_t c = 0; c < C; c++) most = fmax(most, x[c]);
    for (int64_t c = 0; c < C; c++) sum += exp(x[c] - most);
    *max = most;
    return sum;
}
