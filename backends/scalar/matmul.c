/* matmul.c - dst (B,M,N) = a (B,M,K) x b (B,K,N); of one there may be only one matrix, which then serves all. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const int64_t *a = desc->inputs[0].dims, *b = desc->inputs[1].dims;
    shunt_status status = scalar_expect_rank(&desc->inputs[0], "a", 3);
    if (!status) status = scalar_expect_rank(&desc->inputs[1], "b", 3);
    if (status) return status;
    if (a[2] != b[1] || (a[0] != b[0] && a[0] != 1 && b[0] != 1))
        return scalar_fail(SHUNT_E_INVALID, "the shapes of a and b do not multiply");
    return scalar_expect_dims(&desc->outputs[0], "dst", 3, (int64_t[]){a[0] > b[0] ? a[0] : b[0], a[1], b[2]});
}

/* Row by row of b, so that memory is read in order. */
static void multiply_row(const real *a, const real *b, real *dst, int64_t K, int64_t N)
{
    for (int64_t n = 0; n < N; n++) dst[n] = 0;
    for (int64_t k = 0; k < K; k++)
        for (int64_t n = 0; n < N; n++) dst[n] += a[k] * b[k * N + n];
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t *a = desc->inputs[0].dims, *b = desc->inputs[1].dims, *dst = desc->outputs[0].dims;
    int64_t B = dst[0], M = dst[1], N = dst[2], K = a[2];
#pragma omp parallel for collapse(2) num_threads(threads) if (B * M * N > SCALAR_SMALL)
    for (int64_t i = 0; i < B; i++)
        for (int64_t m = 0; m < M; m++)
            multiply_row((const real *)inputs[0] + ((a[0] == 1 ? 0 : i) * M + m) * K,
                         (const real *)inputs[1] + (b[0] == 1 ? 0 : i) * K * N, (real *)outputs[0] + (i * M + m) * N, K,
                         N);
}

const scalar_op TYPED(scalar_matmul) = {.check = check, .run = run};
