/* linear.c - dst (N,K) = src (N,C) x transposed weights (K,C) + bias, ReLU on request. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *weights = &desc->inputs[1];
    shunt_status status = scalar_expect_rank(src, "src", 2);
    if (!status) status = scalar_expect_rank(weights, "weights", 2);
    if (status) return status;
    int64_t N = src->dims[0], K = weights->dims[0];
    status = scalar_expect_dims(weights, "weights", 2, (int64_t[]){K, src->dims[1]});
    if (!status && desc->flags & SHUNT_FLAG_BIAS) status = scalar_expect_dims(&desc->inputs[2], "bias", 1, &K);
    return status ? status : scalar_expect_dims(&desc->outputs[0], "dst", 2, (int64_t[]){N, K});
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t N = desc->inputs[0].dims[0], C = desc->inputs[0].dims[1], K = desc->inputs[1].dims[0];
    const real *src = inputs[0], *weights = inputs[1], *bias = desc->flags & SHUNT_FLAG_BIAS ? inputs[2] : NULL;
    real *dst = outputs[0];
#pragma omp parallel for collapse(2) num_threads(threads) if (N * K * C > SCALAR_SMALL)
    for (int64_t k = 0; k < K; k++) {
        for (int64_t n = 0; n < N; n++) {
            real sum = 0;
#pragma omp simd reduction(+ : sum)
            for (int64_t c = 0; c < C; c++) sum += src[n * C + c] * weights[k * C + c];
            if (bias) sum += bias[k];
            dst[n * K + k] = desc->flags & SHUNT_FLAG_RELU ? relu(sum) : sum;
        }
    }
}

const scalar_op TYPED(scalar_linear) = {.flags = SHUNT_FLAG_BIAS | SHUNT_FLAG_RELU, .check = check, .run = run};
