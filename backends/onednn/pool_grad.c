/* pool_grad.c - the gradients of pooling over windows, each plane of lanes by one thread, so what meets in an element of
 * diff_src is added in one order.
 *   MAX_POOL_GRAD     src, diff_dst -> diff_src: of equal maxima the first takes it all
 *   AVG_POOL_GRAD     diff_dst -> diff_src
 *   GLOBAL_POOL_GRAD  diff_dst (N,C) -> diff_src (N,C,H,W) */
#include "blocks.h"
#include "windows.h"

#include <math.h>
#include <string.h>

static shunt_status check_max(const shunt_op_desc *desc)
{
    if (memcmp(&desc->inputs[0], &desc->outputs[0], sizeof desc->outputs[0]))
        return onednn_fail(SHUNT_E_UNSUPPORTED, "src and diff_src are not alike");
    return onednn_check_windows(&desc->attr.pool, &desc->outputs[0], &desc->inputs[1]);
}

static shunt_status check_avg(const shunt_op_desc *desc)
{
    return onednn_check_windows(&desc->attr.pool, &desc->outputs[0], &desc->inputs[0]);
}

/* The first of the greatest of one lane in the window; NaN is greater than all. */
static int64_t find_maximum(const float *src, int64_t W, int64_t lanes, const int64_t rows[2], const int64_t columns[2])
{
    int64_t best = (rows[0] * W + columns[0]) * lanes;
    for (int64_t h = rows[0]; h < rows[1]; h++)
        for (int64_t w = columns[0]; w < columns[1]; w++) {
            int64_t at = (h * W + w) * lanes;
            if (!(src[at] <= src[best]) && !isnan(src[best])) best = at;
        }
    return best;
}

static void max_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const blocks src = blocks_of(&desc->inputs[0]), dst = blocks_of(&desc->inputs[1]);
    int64_t plane_size = src.H * src.W * src.lanes;
#pragma omp parallel for
    for (int64_t plane = 0; plane < src.N * src.blocks; plane++) {
        const float *from = inputs[0] + plane * plane_size, *diff = inputs[1] + plane * dst.H * dst.W * dst.lanes;
        float *to = outputs[0] + plane * plane_size;
        int64_t rows[2], columns[2];
        memset(to, 0, (size_t)plane_size * sizeof *to);
        for (int64_t p = 0; p < dst.H; p++) {
            onednn_clip(p, &desc->attr.pool, 0, src.H, rows);
            for (int64_t q = 0; q < dst.W; q++, diff += dst.lanes) {
                onednn_clip(q, &desc->attr.pool, 1, src.W, columns);
                for (int64_t lane = 0; lane < src.lanes; lane++)
                    to[find_maximum(from + lane, src.W, src.lanes, rows, columns) + lane] += diff[lane];
            }
        }
    }
}

static void avg_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const shunt_pool_attr *a = &desc->attr.pool;
    const blocks src = blocks_of(&desc->outputs[0]), dst = blocks_of(&desc->inputs[0]);
    int64_t plane_size = src.H * src.W * src.lanes;
#pragma omp parallel for
    for (int64_t plane = 0; plane < src.N * src.blocks; plane++) {
        const float *diff = inputs[0] + plane * dst.H * dst.W * dst.lanes;
        float *to = outputs[0] + plane * plane_size;
        int64_t rows[2], columns[2];
        memset(to, 0, (size_t)plane_size * sizeof *to);
        for (int64_t p = 0; p < dst.H; p++) {
            onednn_clip(p, a, 0, src.H, rows);
            for (int64_t q = 0; q < dst.W; q++, diff += dst.lanes) {
                onednn_clip(q, a, 1, src.W, columns);
                int64_t inside = (rows[1] - rows[0]) * (columns[1] - columns[0]);
                float divisor = (float)(a->count_padding ? (int64_t)a->window[0] * a->window[1] : inside);
                for (int64_t h = rows[0]; h < rows[1]; h++)
                    for (int64_t w = columns[0]; w < columns[1]; w++)
                        for (int64_t lane = 0; lane < src.lanes; lane++)
                            to[(h * src.W + w) * src.lanes + lane] += diff[lane] / divisor;
            }
        }
    }
}

static shunt_status check_global(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *diff = &desc->inputs[0], *src = &desc->outputs[0];
    if (src->rank != 4 || diff->rank != 2 || src->dims[0] != diff->dims[0] || src->dims[1] != diff->dims[1])
        return onednn_fail(SHUNT_E_INVALID, "diff_dst is not N x C of diff_src");
    return SHUNT_OK;
}

static void global_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const blocks src = blocks_of(&desc->outputs[0]);
    int64_t area = src.H * src.W;
#pragma omp parallel for
    for (int64_t plane = 0; plane < src.N * src.blocks; plane++) {
        int64_t used = blocks_used(&src, plane % src.blocks);
        const float *diff = inputs[0] + plane / src.blocks * src.C + plane % src.blocks * src.lanes;
        float *to = outputs[0] + plane * area * src.lanes;
        for (int64_t i = 0; i < area; i++)
            for (int64_t lane = 0; lane < src.lanes; lane++)
                to[i * src.lanes + lane] = lane < used ? diff[lane] / (float)area : 0;
    }
}

const onednn_kind onednn_max_pool_grad = {.loop = max_loop, .check = check_max};
const onednn_kind onednn_avg_pool_grad = {.loop = avg_loop, .check = check_avg};
const onednn_kind onednn_global_pool_grad = {.loop = global_loop, .check = check_global};
