/* linear_grad_weights.c - diff_weights (K,C) = transposed diff_dst (N,K) x src (N,C), BLOCK columns at a time; diff_bias (K)
 * = the sum of diff_dst over N. */
#include "op.h"

enum { BLOCK = 64 };

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *diff_weights = &desc->outputs[0];
    shunt_status status =
        scalar_expect_forward(desc, &TYPED(scalar_linear), &desc->inputs[0], diff_weights, &desc->inputs[1]);
    if (!status && desc->flags & SHUNT_FLAG_BIAS)
        status = scalar_expect_dims(&desc->outputs[1], "diff_bias", 1, diff_weights->dims);
    return status;
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t N = desc->inputs[0].dims[0], K = desc->outputs[0].dims[0], C = desc->outputs[0].dims[1];
    const real *src = inputs[0], *diff_dst = inputs[1];
    real *diff_weights = outputs[0], *diff_bias = desc->flags & SHUNT_FLAG_BIAS ? outputs[1] : NULL;
#pragma omp parallel for collapse(2) num_threads(threads) if (N * K * C > SCALAR_SMALL)
    for (int64_t k = 0; k < K; k++) {
        for (int64_t first = 0; first < C; first += BLOCK) {
            real sums[BLOCK] = {0};
            int64_t count = C - first < BLOCK ? C - first : BLOCK;
            for (int64_t n = 0; n < N; n++)
#pragma omp simd
                for (int64_t c = 0; c < count; c++) sums[c] += diff_dst[n * K + k] * src[n * C + first + c];
            for (int64_t c = 0; c < count; c++) diff_weights[k * C + first + c] = sums[c];
        }
    }
    for (int64_t k = 0; k < K && diff_bias; k++) {
        double sum = 0;
        for (int64_t n = 0; n < N; n++) sum += (double)diff_dst[n * K + k];
        diff_bias[k] = (real)sum;
    }
}

const scalar_op TYPED(scalar_linear_grad_weights) = {
    .flags = SHUNT_FLAG_BIAS,
    .check = check,
    .run = run,
};
