/* softmax.c - dst (N,C) = exp(src - max) / sum of the same, over C, or its logarithm. A NaN in a row makes the row NaN. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    shunt_status status = scalar_expect_rank(&desc->inputs[0], "src", 2);
    return status ? status : scalar_expect_same(&desc->outputs[0], "dst", &desc->inputs[0]);
}

static void softmax_row(int64_t C, const real *src, real *dst)
{
    real most = src[0], sum = 0;
    for (int64_t c = 1; c < C; c++) most = src[c] > most ? src[c] : most;
    for (int64_t c = 0; c < C; c++) {
        dst[c] = exp(src[c] - most);
        sum += dst[c];
    }
    for (int64_t c = 0; c < C; c++) dst[c] /= sum;
}

static void log_softmax_row(int64_t C, const real *src, real *dst)
{
    real most = src[0], sum = 0;
    for (int64_t c = 1; c < C; c++) most = src[c] > most ? src[c] : most;
    for (int64_t c = 0; c < C; c++) sum += exp(src[c] - most);
    for (int64_t c = 0; c < C; c++) dst[c] = src[c] - most - log(sum);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t N = desc->inputs[0].dims[0], C = desc->inputs[0].dims[1];
    const real *src = inputs[0];
    real *dst = outputs[0];
#pragma omp parallel for num_threads(threads) if (N * C > SCALAR_SMALL)
    for (int64_t n = 0; n < N; n++) {
        if (desc->kind == SHUNT_OP_SOFTMAX)
            softmax_row(C, src + n * C, dst + n * C);
        else
            log_softmax_row(C, src + n * C, dst + n * C);
    }
}

const scalar_op TYPED(scalar_softmax) = {.inplace_inputs = 1, .check = check, .run = run};
const scalar_op TYPED(scalar_log_softmax) = {.inplace_inputs = 1, .check = check, .run = run};
