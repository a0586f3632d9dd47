/* shortcut.c - option A: every stride-th row and column of src (N,C,H,W), with zero channels before and after. */
#include "op.h"

#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_shortcut_attr *attr = &desc->attr.shortcut;
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    shunt_status status = scalar_expect_rank(src, "src", 4);
    if (!status) status = scalar_expect_rank(dst, "dst", 4);
    if (status) return status;
    if (attr->stride < 1 || attr->lead < 0)
        return scalar_fail(SHUNT_E_INVALID, "stride %d, %d channels before", attr->stride, attr->lead);
    int64_t C = src->dims[1], K = dst->dims[1];
    if (K < C + attr->lead)
        return scalar_fail(SHUNT_E_INVALID, "%lld channels and %d before them are more than dst has, %lld",
                           (long long)C, attr->lead, (long long)K);
    int64_t P = (src->dims[2] - 1) / attr->stride + 1, Q = (src->dims[3] - 1) / attr->stride + 1;
    return scalar_expect_dims(dst, "dst", 4, (int64_t[]){src->dims[0], K, P, Q});
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t *in = desc->inputs[0].dims, *out = desc->outputs[0].dims;
    int64_t N = in[0], C = in[1], H = in[2], W = in[3], K = out[1], P = out[2], Q = out[3];
    int64_t stride = desc->attr.shortcut.stride, lead = desc->attr.shortcut.lead;
#pragma omp parallel for collapse(2) num_threads(threads) if (N * K * P * Q > SCALAR_SMALL)
    for (int64_t n = 0; n < N; n++) {
        for (int64_t k = 0; k < K; k++) {
            real *dst = (real *)outputs[0] + (n * K + k) * P * Q;
            if (k < lead || k >= lead + C) {
                memset(dst, 0, (size_t)(P * Q) * sizeof *dst);
                continue;
            }
            const real *src = (const real *)inputs[0] + (n * C + k - lead) * H * W;
            for (int64_t p = 0; p < P; p++)
                for (int64_t q = 0; q < Q; q++) dst[p * Q + q] = src[p * stride * W + q * stride];
        }
    }
}

const scalar_op TYPED(scalar_shortcut) = {.check = check, .run = run};
