/* shortcut_grad.c - option A backwards: diff_dst's channels after the leading ones at every stride-th row and column, zero
 * between them. */
#include "op.h"

#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    return scalar_expect_forward(desc, &TYPED(scalar_shortcut), &desc->outputs[0], NULL, &desc->inputs[0]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t *out = desc->inputs[0].dims, *in = desc->outputs[0].dims;
    int64_t N = in[0], C = in[1], H = in[2], W = in[3], K = out[1], P = out[2], Q = out[3];
    int64_t stride = desc->attr.shortcut.stride, lead = desc->attr.shortcut.lead;
#pragma omp parallel for collapse(2) num_threads(threads) if (N * C * H * W > SCALAR_SMALL)
    for (int64_t n = 0; n < N; n++) {
        for (int64_t c = 0; c < C; c++) {
            real *diff_src = (real *)outputs[0] + (n * C + c) * H * W;
            const real *diff_dst = (const real *)inputs[0] + (n * K + c + lead) * P * Q;
            memset(diff_src, 0, (size_t)(H * W) * sizeof *diff_src);
            for (int64_t p = 0; p < P; p++)
                for (int64_t q = 0; q < Q; q++) diff_src[p * stride * W + q * stride] = diff_dst[p * Q + q];
        }
    }
}

const scalar_op TYPED(scalar_shortcut_grad) = {.check = check, .run = run};
