/* pool.c - maximum and average over windows of src (N,C,H,W), dst is (N,C,P,Q). Windows are clipped to src, so padding
 * is never read: the maximum ignores it, the average counts it or not in its divisor. */
#include "pool.h"

static int64_t dilation(const shunt_op_desc *desc, int direction)
{
    return desc->flags & SHUNT_FLAG_DILATED ? desc->attr.pool.dilation[direction] : 1;
}

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_pool_attr *pool = &desc->attr.pool;
    const int64_t *dims = desc->inputs[0].dims;
    shunt_status status = scalar_expect_rank(&desc->inputs[0], "src", 4);
    if (status) return status;
    int64_t places[2];
    for (int i = 0; i < 2; i++) {
        int32_t window = pool->window[i], before = pool->pad_before[i], after = pool->pad_after[i];
        int32_t step = (int32_t)dilation(desc, i);
        status = scalar_window(dims[2 + i], window, pool->stride[i], step, before, after, &places[i]);
        if (status) return status;
        if (before > (int64_t)step * (window - 1) || (places[i] - 1) * pool->stride[i] - before >= dims[2 + i])
            return scalar_fail(SHUNT_E_INVALID, "a window of %d lies wholly in the padding %d, %d", window, before,
                               after);
    }
    return scalar_expect_dims(&desc->outputs[0], "dst", 4, (int64_t[]){dims[0], dims[1], places[0], places[1]});
}

/* NaN wins: no comparison with it holds, so once it is there it stays. */
static real window_max(const real *src, int64_t W, span rows, span columns)
{
    real most = -INFINITY;
    for (int64_t h = rows.from; h < rows.to; h += rows.step)
        for (int64_t w = columns.from; w < columns.to; w += columns.step)
            if (src[h * W + w] > most || isnan(src[h * W + w])) most = src[h * W + w];
    return most;
}

static real window_sum(const real *src, int64_t W, span rows, span columns)
{
    real sum = 0;
    for (int64_t h = rows.from; h < rows.to; h += rows.step)
        for (int64_t w = columns.from; w < columns.to; w += columns.step) sum += src[h * W + w];
    return sum;
}

static real window_mean(const shunt_pool_attr *pool, const real *src, int64_t W, span rows, span columns)
{
    int64_t inside = size(rows) * size(columns);
    int64_t all = (int64_t)pool->window[0] * pool->window[1];
    return window_sum(src, W, rows, columns) / (real)(pool->count_padding ? all : inside);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const shunt_pool_attr *pool = &desc->attr.pool;
    const int64_t *in = desc->inputs[0].dims, *out = desc->outputs[0].dims;
    int64_t planes = in[0] * in[1], H = in[2], W = in[3], P = out[2], Q = out[3];
    int64_t steps[] = {dilation(desc, 0), dilation(desc, 1)};
    bool maximum = desc->kind == SHUNT_OP_MAX_POOL;
#pragma omp parallel for collapse(2) num_threads(threads) if (planes * P * Q > SCALAR_SMALL)
    for (int64_t plane = 0; plane < planes; plane++) {
        for (int64_t p = 0; p < P; p++) {
            const real *src = (const real *)inputs[0] + plane * H * W;
            real *dst = (real *)outputs[0] + (plane * P + p) * Q;
            span rows = clip(pool, 0, steps[0], H, p);
            for (int64_t q = 0; q < Q; q++) {
                span columns = clip(pool, 1, steps[1], W, q);
                dst[q] = maximum ? window_max(src, W, rows, columns) : window_mean(pool, src, W, rows, columns);
            }
        }
    }
}

const scalar_op TYPED(scalar_max_pool) = {.flags = SHUNT_FLAG_DILATED, .check = check, .run = run};
const scalar_op TYPED(scalar_avg_pool) = {.flags = SHUNT_FLAG_DILATED, .check = check, .run = run};
