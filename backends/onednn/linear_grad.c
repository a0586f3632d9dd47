/* linear_grad.c - the gradients of a linear layer, by src: weights, diff_dst -> diff_src; by weights: src, diff_dst ->
 * diff_weights, [diff_bias]. */
#include "onednn.h"

static shunt_status src_recipe(const shunt_op_desc *desc, bool free, onednn_recipe *out)
{
    (void)free;
    dnnl_memory_desc_t weights;
    shunt_status status = onednn_bind(out, DNNL_ARG_DIFF_SRC, desc, true, 0);
    if (!status) status = onednn_bind(out, DNNL_ARG_WEIGHTS, desc, false, 0);
    if (!status) status = onednn_bind(out, DNNL_ARG_DIFF_DST, desc, false, 1);
    if (!status) status = onednn_describe_open(&desc->inputs[0], &weights);
    if (status) return status;
    const onednn_tensor *t = out->tensors;
    return onednn_check(dnnl_inner_product_backward_data_desc_init(&out->op.linear, &t[0].given, &weights, &t[2].given),
                        "describing a linear layer's gradient by src");
}

static shunt_status weights_recipe(const shunt_op_desc *desc, bool free, onednn_recipe *out)
{
    (void)free;
    bool bias = desc->flags & SHUNT_FLAG_BIAS;
    dnnl_memory_desc_t diff_weights;
    shunt_status status = onednn_bind(out, DNNL_ARG_SRC, desc, false, 0);
    if (!status) status = onednn_bind(out, DNNL_ARG_DIFF_WEIGHTS, desc, true, 0);
    if (!status) status = onednn_bind(out, DNNL_ARG_DIFF_DST, desc, false, 1);
    if (!status && bias) status = onednn_bind(out, DNNL_ARG_DIFF_BIAS, desc, true, 1);
    if (!status) status = onednn_describe_open(&desc->outputs[0], &diff_weights);
    if (status) return status;
    const onednn_tensor *t = out->tensors;
    return onednn_check(dnnl_inner_product_backward_weights_desc_init(&out->op.linear, &t[0].given, &diff_weights,
                                                                      bias ? &t[3].given : NULL, &t[2].given),
                        "describing a linear layer's gradient by weights");
}

const onednn_kind onednn_linear_grad_src = {.recipe = src_recipe};
const onednn_kind onednn_linear_grad_weights = {.flags = SHUNT_FLAG_BIAS, .recipe = weights_recipe};
