/* resize.c - dst (N,C,P,Q) from src (N,C,H,W), bilinear or nearest. Where its elements lie in src is computed in double. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_resize_attr *a = &desc->attr.resize;
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    shunt_status status = scalar_expect_rank(src, "src", 4);
    if (!status) status = scalar_expect_rank(dst, "dst", 4);
    if (status) return status;
    for (int i = 0; i < 2; i++) {
        if (!isfinite(a->factor[i]) || a->factor[i] < 0)
            return scalar_fail(SHUNT_E_INVALID, "a factor of %g", (double)a->factor[i]);
        if (a->size[i] && a->size[i] != dst->dims[2 + i])
            return scalar_fail(SHUNT_E_INVALID, "dst has a size of %lld, not %d", (long long)dst->dims[2 + i],
                               a->size[i]);
    }
    return scalar_expect_dims(dst, "dst", 4, (int64_t[]){src->dims[0], src->dims[1], dst->dims[2], dst->dims[3]});
}

static void resize_row(const shunt_op_desc *desc, const real *src, const shunt_resize_tap *row, real *dst)
{
    const shunt_resize_attr *attr = &desc->attr.resize;
    const int64_t W = desc->inputs[0].dims[3], Q = desc->outputs[0].dims[3];
    const real *upper = src + row->index[0] * W, *lower = src + row->index[1] * W;
    for (int64_t q = 0; q < Q; q++) {
        const shunt_resize_tap column = shunt_resize_tap_at(attr, 1, W, Q, q);
        const int64_t left = column.index[0], right = column.index[1];
        const real a = (real)column.weight[0], b = (real)column.weight[1];
        if (attr->filter == SHUNT_RESIZE_NEAREST)
            dst[q] = upper[left];
        else
            dst[q] = (real)row->weight[0] * (a * upper[left] + b * upper[right]) +
                     (real)row->weight[1] * (a * lower[left] + b * lower[right]);
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t *in = desc->inputs[0].dims, *out = desc->outputs[0].dims;
    const int64_t planes = in[0] * in[1], H = in[2], W = in[3], P = out[2], Q = out[3];
#pragma omp parallel for collapse(2) num_threads(threads) if (planes * P * Q > SCALAR_SMALL)
    for (int64_t plane = 0; plane < planes; plane++) {
        for (int64_t p = 0; p < P; p++) {
            const shunt_resize_tap row = shunt_resize_tap_at(&desc->attr.resize, 0, H, P, p);
            resize_row(desc, (const real *)inputs[0] + plane * H * W, &row, (real *)outputs[0] + (plane * P + p) * Q);
        }
    }
}

const scalar_op TYPED(scalar_resize) = {.check = check, .run = run};
