/* linear_grad_src.c - diff_src (N,C) = diff_dst (N,K) x weights (K,C), BLOCK columns at a time. */
#include "op.h"

enum { BLOCK = 64 };

static shunt_status check(const shunt_op_desc *desc)
{
    return scalar_expect_forward(desc, &TYPED(scalar_linear), &desc->outputs[0], &desc->inputs[0], &desc->inputs[1]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t N = desc->inputs[1].dims[0], K = desc->inputs[0].dims[0], C = desc->inputs[0].dims[1];
    const real *weights = inputs[0], *diff_dst = inputs[1];
    real *diff_src = outputs[0];
#pragma omp parallel for collapse(2) num_threads(threads) if (N * K * C > SCALAR_SMALL)
    for (int64_t first = 0; first < C; first += BLOCK) {
        for (int64_t n = 0; n < N; n++) {
            real sums[BLOCK] = {0};
            int64_t count = C - first < BLOCK ? C - first : BLOCK;
            for (int64_t k = 0; k < K; k++)
#pragma omp simd
                for (int64_t c = 0; c < count; c++) sums[c] += diff_dst[n * K + k] * weights[k * C + first + c];
            for (int64_t c = 0; c < count; c++) diff_src[n * C + first + c] = sums[c];
        }
    }
}

const scalar_op TYPED(scalar_linear_grad_src) = {.check = check, .run = run};
