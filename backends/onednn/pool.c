/* pool.c - pooling over windows: the average by oneDNN; the maximum, in which NaN wins, by a loop over lanes of channels.
 * src (N,C,H,W) -> dst (N,C,P,Q). */
#include "blocks.h"
#include "windows.h"

#include <math.h>

static shunt_status recipe(const shunt_op_desc *desc, bool free, onednn_recipe *out)
{
    const shunt_pool_attr *a = &desc->attr.pool;
    dnnl_memory_desc_t src, dst;
    shunt_status status = onednn_bind(out, DNNL_ARG_SRC, desc, false, 0);
    if (!status) status = onednn_bind(out, DNNL_ARG_DST, desc, true, 0);
    if (status) return status;
    src = out->tensors[0].given;
    dst = out->tensors[1].given;
    if (free) status = onednn_describe_open(&desc->outputs[0], &dst);
    if (status) return status;
    dnnl_dims_t strides = {a->stride[0], a->stride[1]}, window = {a->window[0], a->window[1]};
    dnnl_dims_t before = {a->pad_before[0], a->pad_before[1]}, after = {a->pad_after[0], a->pad_after[1]};
    return onednn_check(dnnl_pooling_forward_desc_init(&out->op.pool, dnnl_forward_inference,
                                                       a->count_padding ? dnnl_pooling_avg_include_padding
                                                                        : dnnl_pooling_avg_exclude_padding,
                                                       &src, &dst, strides, window, before, after),
                        "describing a pooling");
}

static shunt_status check(const shunt_op_desc *desc)
{
    return onednn_check_windows(&desc->attr.pool, &desc->inputs[0], &desc->outputs[0]);
}

/* dst[lanes] = the maximum over the windows's pixels of src (H, W, lanes). */
static void maximum(const float *src, int64_t W, int64_t lanes, const int64_t rows[2], const int64_t columns[2],
                    float *dst)
{
    for (int64_t lane = 0; lane < lanes; lane++) dst[lane] = -INFINITY;
    for (int64_t h = rows[0]; h < rows[1]; h++) {
        for (int64_t w = columns[0]; w < columns[1]; w++) {
            const float *from = src + (h * W + w) * lanes;
#pragma omp simd
            for (int64_t lane = 0; lane < lanes; lane++) /* no comparison with NaN holds */
                dst[lane] = from[lane] <= dst[lane] || dst[lane] != dst[lane] ? dst[lane] : from[lane];
        }
    }
}

static void loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const blocks src = blocks_of(&desc->inputs[0]), dst = blocks_of(&desc->outputs[0]);
#pragma omp parallel for collapse(2)
    for (int64_t plane = 0; plane < src.N * src.blocks; plane++) {
        for (int64_t p = 0; p < dst.H; p++) {
            const float *from = inputs[0] + plane * src.H * src.W * src.lanes;
            float *to = outputs[0] + (plane * dst.H + p) * dst.W * dst.lanes;
            int64_t rows[2], columns[2];
            onednn_clip(p, &desc->attr.pool, 0, src.H, rows);
            for (int64_t q = 0; q < dst.W; q++) {
                onednn_clip(q, &desc->attr.pool, 1, src.W, columns);
                maximum(from, src.W, src.lanes, rows, columns, to + q * dst.lanes);
            }
        }
    }
}

const onednn_kind onednn_avg_pool = {.recipe = recipe};
const onednn_kind onednn_max_pool = {.loop = loop, .check = check};
