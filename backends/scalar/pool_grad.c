/* pool_grad.c - diff_src (N,C,H,W) of maximum and average over windows: each window gives its diff_dst to the element that
 * was the maximum, the first of equals, or to all in equal parts. Windows overlap, so a plane is one thread's work. */
#include "pool.h"

#include <string.h>

static shunt_status check_max(const shunt_op_desc *desc)
{
    shunt_status status =
        scalar_expect_forward(desc, &TYPED(scalar_max_pool), &desc->inputs[0], NULL, &desc->inputs[1]);
    return status ? status : scalar_expect_same(&desc->outputs[0], "diff_src", &desc->inputs[0]);
}

static shunt_status check_avg(const shunt_op_desc *desc)
{
    return scalar_expect_forward(desc, &TYPED(scalar_avg_pool), &desc->outputs[0], NULL, &desc->inputs[0]);
}

/* Found as pool.c finds the maximum: a NaN is one. */
static void give_to_maximum(const real *src, int64_t W, span rows, span columns, real diff, real *diff_src)
{
    int64_t place = rows.from * W + columns.from;
    real most = -INFINITY;
    for (int64_t h = rows.from; h < rows.to; h++) {
        for (int64_t w = columns.from; w < columns.to; w++) {
            if (!(src[h * W + w] > most || isnan(src[h * W + w]))) continue;
            most = src[h * W + w];
            place = h * W + w;
        }
    }
    diff_src[place] += diff;
}

static void give_to_all(const shunt_pool_attr *pool, int64_t W, span rows, span columns, real diff, real *diff_src)
{
    int64_t inside = size(rows) * size(columns);
    int64_t all = (int64_t)pool->window[0] * pool->window[1];
    real part = diff / (real)(pool->count_padding ? all : inside);
    for (int64_t h = rows.from; h < rows.to; h++)
        for (int64_t w = columns.from; w < columns.to; w++) diff_src[h * W + w] += part;
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const shunt_pool_attr *pool = &desc->attr.pool;
    bool maximum = desc->kind == SHUNT_OP_MAX_POOL_GRAD;
    const int64_t *in = desc->outputs[0].dims, *out = desc->inputs[maximum ? 1 : 0].dims;
    int64_t planes = in[0] * in[1], H = in[2], W = in[3], P = out[2], Q = out[3];
#pragma omp parallel for num_threads(threads) if (planes * H * W > SCALAR_SMALL)
    for (int64_t plane = 0; plane < planes; plane++) {
        const real *src = maximum ? (const real *)inputs[0] + plane * H * W : NULL;
        const real *diff_dst = (const real *)inputs[maximum ? 1 : 0] + plane * P * Q;
        real *diff_src = (real *)outputs[0] + plane * H * W;
        memset(diff_src, 0, (size_t)(H * W) * sizeof *diff_src);
        for (int64_t i = 0; i < P * Q; i++) {
            span rows = clip(pool, 0, 1, H, i / Q);
            span columns = clip(pool, 1, 1, W, i % Q);
            if (maximum)
                give_to_maximum(src, W, rows, columns, diff_dst[i], diff_src);
            else
                give_to_all(pool, W, rows, columns, diff_dst[i], diff_src);
        }
    }
}

const scalar_op TYPED(scalar_max_pool_grad) = {.check = check_max, .run = run};
const scalar_op TYPED(scalar_avg_pool_grad) = {.check = check_avg, .run = run};
