/* conv_grad.c - the gradients of a convolution.
 *   by src:     weights, diff_dst, [residual], [mask] -> diff_src; residual and mask come in a second pass
 *   by weights: src, diff_dst -> diff_weights, [diff_bias] */
#include "onednn.h"
#include "window.h"

#include <string.h>

static bool alike(const shunt_op_desc *desc, uint32_t first)
{
    for (uint32_t i = first; i < desc->ninputs; i++)
        if (memcmp(&desc->inputs[i], &desc->outputs[0], sizeof desc->outputs[0])) return false;
    return true;
}

static shunt_status src_recipe(const shunt_op_desc *desc, bool free, onednn_recipe *out)
{
    onednn_window w;
    dnnl_memory_desc_t diff_src, diff_dst, open;
    if (!alike(desc, 2)) return onednn_fail(SHUNT_E_UNSUPPORTED, "residual or mask are not like diff_src");
    shunt_status status = onednn_bind(out, DNNL_ARG_DIFF_SRC, desc, true, 0);
    if (!status) status = onednn_bind(out, DNNL_ARG_DIFF_DST, desc, false, 1);
    if (!status) status = onednn_bind_filters(out, DNNL_ARG_WEIGHTS, desc, &desc->inputs[0], false, 0, &open);
    if (!status) status = onednn_read_window(desc, &desc->inputs[0], &w);
    if (status) return status;
    diff_src = out->tensors[0].given;
    diff_dst = out->tensors[1].given;
    if (free) status = onednn_describe_open(&desc->outputs[0], &diff_src);
    if (free && !status) status = onednn_describe_open(&desc->inputs[1], &diff_dst);
    if (status) return status;
    return onednn_check(dnnl_dilated_convolution_backward_data_desc_init(&out->op.conv, dnnl_convolution_direct,
                                                                         &diff_src, &open, &diff_dst, w.strides,
                                                                         w.dilates, w.before, w.after),
                        "describing a convolution's gradient by src");
}

static void src_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    bool with_residual = desc->flags & SHUNT_FLAG_RESIDUAL, masked = desc->flags & SHUNT_FLAG_RELU;
    const float *residual = with_residual ? inputs[2] : NULL, *mask = masked ? inputs[desc->ninputs - 1] : NULL;
    int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
    float *diff = outputs[0];
    if (!residual && !mask) return;
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++) {
        float value = residual ? diff[i] + residual[i] : diff[i];
        diff[i] = !mask || mask[i] > 0 ? value : 0;
    }
}

static shunt_status weights_recipe(const shunt_op_desc *desc, bool free, onednn_recipe *out)
{
    onednn_window w;
    bool bias = desc->flags & SHUNT_FLAG_BIAS;
    dnnl_memory_desc_t src, diff_dst, open;
    shunt_status status = onednn_bind(out, DNNL_ARG_SRC, desc, false, 0);
    if (!status) status = onednn_bind(out, DNNL_ARG_DIFF_DST, desc, false, 1);
    if (!status && bias) status = onednn_bind(out, DNNL_ARG_DIFF_BIAS, desc, true, 1);
    if (!status) status = onednn_bind_filters(out, DNNL_ARG_DIFF_WEIGHTS, desc, &desc->outputs[0], true, 0, &open);
    if (!status) status = onednn_read_window(desc, &desc->outputs[0], &w);
    if (status) return status;
    src = out->tensors[0].given;
    diff_dst = out->tensors[1].given;
    if (free) status = onednn_describe_open(&desc->inputs[0], &src);
    if (free && !status) status = onednn_describe_open(&desc->inputs[1], &diff_dst);
    if (status) return status;
    return onednn_check(dnnl_dilated_convolution_backward_weights_desc_init(
                            &out->op.conv, dnnl_convolution_direct, &src, &open, bias ? &out->tensors[2].given : NULL,
                            &diff_dst, w.strides, w.dilates, w.before, w.after),
                        "describing a convolution's gradient by weights");
}

const onednn_kind onednn_conv_grad_src = {
    .flags = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU,
    .recipe = src_recipe,
    .loop = src_loop,
};
const onednn_kind onednn_conv_grad_weights = {.flags = SHUNT_FLAG_BIAS, .recipe = weights_recipe};
