/* global_pool.c - the mean over H and W: src (N,C,H,W) -> dst (N,C), plain. */
#include "blocks.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    if (src->rank != 4 || dst->rank != 2 || src->dims[0] != dst->dims[0] || src->dims[1] != dst->dims[1])
        return onednn_fail(SHUNT_E_INVALID, "dst is not N x C of src");
    return SHUNT_OK;
}

enum { MOST_LANES = 64 };

static void loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const blocks src = blocks_of(&desc->inputs[0]);
    int64_t area = src.H * src.W, parts = (src.lanes + MOST_LANES - 1) / MOST_LANES;
#pragma omp parallel for collapse(2)
    for (int64_t plane = 0; plane < src.N * src.blocks; plane++) {
        for (int64_t part = 0; part < parts; part++) {
            int64_t first = part * MOST_LANES, count = blocks_used(&src, plane % src.blocks) - first;
            if (count > MOST_LANES) count = MOST_LANES;
            const float *from = inputs[0] + plane * area * src.lanes + first;
            float sums[MOST_LANES] = {0};
            for (int64_t i = 0; i < area; i++)
                for (int64_t lane = 0; lane < count; lane++) sums[lane] += from[i * src.lanes + lane];
            float *to = outputs[0] + plane / src.blocks * src.C + plane % src.blocks * src.lanes + first;
            for (int64_t lane = 0; lane < count; lane++) to[lane] = sums[lane] / (float)area;
        }
    }
}

const onednn_kind onednn_global_pool = {.loop = loop, .check = check};
