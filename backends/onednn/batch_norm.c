/* batch_norm.c - with given statistics: src (N,C,...) -> dst = (src - mean) / sqrt(variance + epsilon) * scale + shift, and
 * the residual on request. */
#include "blocks.h"

#include <math.h>
#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0];
    if (src->rank < 2 || memcmp(src, &desc->outputs[0], sizeof *src))
        return onednn_fail(SHUNT_E_UNSUPPORTED, "src and dst are not alike, or have no channels");
    for (uint32_t i = 1; i < 5; i++)
        if (desc->inputs[i].rank != 1 || desc->inputs[i].dims[0] != src->dims[1])
            return onednn_fail(SHUNT_E_INVALID, "input %u does not have one number a channel", i);
    if (desc->flags & SHUNT_FLAG_RESIDUAL && memcmp(&desc->inputs[5], src, sizeof *src))
        return onednn_fail(SHUNT_E_UNSUPPORTED, "src and residual are not alike");
    return SHUNT_OK;
}

static void loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const blocks src = blocks_of_any(&desc->inputs[0]);
    const float *scale = inputs[1], *shift = inputs[2], *mean = inputs[3], *variance = inputs[4];
    const float epsilon = desc->attr.batch_norm.epsilon;
    bool with_relu = desc->flags & SHUNT_FLAG_RELU;
    int64_t area = src.H * src.W;
#pragma omp parallel for
    for (int64_t plane = 0; plane < src.N * src.blocks; plane++) {
        int64_t first = plane % src.blocks * src.lanes, used = blocks_used(&src, plane % src.blocks);
        const float *from = inputs[0] + plane * area * src.lanes;
        const float *residual = desc->flags & SHUNT_FLAG_RESIDUAL ? inputs[5] + plane * area * src.lanes : NULL;
        float *to = outputs[0] + plane * area * src.lanes;
        for (int64_t lane = 0; lane < src.lanes; lane++) {
            int64_t c = first + lane;
            float factor = lane < used ? scale[c] / sqrtf(variance[c] + epsilon) : 0;
            float centre = lane < used ? mean[c] : 0, summand = lane < used ? shift[c] : 0;
            for (int64_t i = lane; i < area * src.lanes; i += src.lanes) {
                float value = (from[i] - centre) * factor + summand + (residual ? residual[i] : 0);
                to[i] = with_relu && value < 0 ? 0 : value;
            }
        }
    }
}

const onednn_kind onednn_batch_norm = {
    .flags = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU, .inplace_inputs = 1, .loop = loop, .check = check};
