/* resize.c - dst (N,C,P,Q) from src (N,C,H,W), by each of the filters. Where its elements lie in src is computed in double. */
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
        if (shunt_resize_is_antialiased(a) && (a->factor[i] != 0 || a->coordinates != SHUNT_RESIZE_HALF_PIXEL))
            return scalar_fail(SHUNT_E_INVALID, "an antialiased filter with a factor, or not of half pixels");
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

/* Element (p, q) of dst by TRIANGLE or CUBIC; src: its plane. */
static real weigh(const shunt_op_desc *desc, const real *src, int64_t p, int64_t q)
{
    const shunt_resize_attr *attr = &desc->attr.resize;
    const int64_t H = desc->inputs[0].dims[2], W = desc->inputs[0].dims[3];
    const int64_t P = desc->outputs[0].dims[2], Q = desc->outputs[0].dims[3];
    const shunt_resize_span rows = shunt_resize_span_at(attr, H, P, p), columns = shunt_resize_span_at(attr, W, Q, q);
    double sum = 0, total = 0;
    for (int64_t h = rows.first; h < rows.first + rows.count; h++) {
        const double down = shunt_resize_weight(attr, H, P, p, h);
        for (int64_t w = columns.first; w < columns.first + columns.count; w++) {
            const double weight = down * shunt_resize_weight(attr, W, Q, q, w);
            sum += weight * (double)src[h * W + w];
            total += weight;
        }
    }
    return (real)(sum / total);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t *in = desc->inputs[0].dims, *out = desc->outputs[0].dims;
    const int64_t planes = in[0] * in[1], H = in[2], W = in[3], P = out[2], Q = out[3];
#pragma omp parallel for collapse(2) num_threads(threads) if (planes * P * Q > SCALAR_SMALL)
    for (int64_t plane = 0; plane < planes; plane++) {
        for (int64_t p = 0; p < P; p++) {
            const real *src = (const real *)inputs[0] + plane * H * W;
            real *dst = (real *)outputs[0] + (plane * P + p) * Q;
            const shunt_resize_tap row = shunt_resize_tap_at(&desc->attr.resize, 0, H, P, p);
            if (shunt_resize_is_antialiased(&desc->attr.resize))
                for (int64_t q = 0; q < Q; q++) dst[q] = weigh(desc, src, p, q);
            else
                resize_row(desc, src, &row, dst);
        }
    }
}

const scalar_op TYPED(scalar_resize) = {.check = check, .run = run};
