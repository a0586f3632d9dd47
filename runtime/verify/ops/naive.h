/* naive.h - what the references share: one loop per index of the formula, nothing shared with any backend. */
#ifndef SHUNT_VERIFY_NAIVE_H
#define SHUNT_VERIFY_NAIVE_H

#include <shunt/backend.h>

/* Element (n, c, h, w) of a plain tensor, or `outside` where h and w leave it. */
double naive_at(const shunt_tensor_desc *t, const double *values, int64_t n, int64_t c, int64_t h, int64_t w,
                double outside);
/* With flag RELU max(value, 0), where NaN stays NaN; else the value. */
double naive_relu(const shunt_op_desc *op, double value);
/* One more term of an output. */
void naive_add(double *const *out, double *const *scale, uint32_t output, int64_t at, double term);
/* Elements from one index of the axis to the next, in row-major order. */
uint64_t naive_stride(const shunt_tensor_desc *t, uint32_t axis);
/* Row-major index in t of the place that is number `index` in dst, an axis of 1 being repeated. */
uint64_t naive_repeated(const shunt_tensor_desc *t, const shunt_tensor_desc *dst, uint64_t index);
/* The sum over C of exp(x - max). */
double naive_exp_sum(const double *x, int64_t C, double *max);

#endif
