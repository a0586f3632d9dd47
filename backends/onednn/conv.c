/* conv.c - convolution with bias, sum and ReLU in one pass: src (N,C,H,W), weights (K,C/groups,R,S) -> dst (N,K,P,Q).
 * The weights' layout is oneDNN's choice. */
#include "onednn.h"
#include "window.h"

#include <string.h>

/* sum, then ReLU: the residual already lies in dst. */
static shunt_status append_post_ops(const shunt_op_desc *desc, dnnl_primitive_attr_t attr)
{
    dnnl_post_ops_t post_ops;
    shunt_status status = onednn_check(dnnl_post_ops_create(&post_ops), "dnnl_post_ops_create");
    if (status) return status;
    if (desc->flags & SHUNT_FLAG_RESIDUAL)
        status = onednn_check(dnnl_post_ops_append_sum(post_ops, 1), "appending a sum");
    if (!status && desc->flags & SHUNT_FLAG_RELU) status = onednn_append_relu(post_ops);
    if (!status) status = onednn_check(dnnl_primitive_attr_set_post_ops(attr, post_ops), "setting post-ops");
    dnnl_post_ops_destroy(post_ops);
    return status;
}

static shunt_status recipe(const shunt_op_desc *desc, bool free, onednn_recipe *out)
{
    bool bias = desc->flags & SHUNT_FLAG_BIAS, residual = desc->flags & SHUNT_FLAG_RESIDUAL;
    onednn_window w;
    dnnl_memory_desc_t src, open_weights, dst;
    shunt_status status = onednn_bind(out, DNNL_ARG_SRC, desc, false, 0);
    if (!status) status = onednn_bind(out, DNNL_ARG_DST, desc, true, 0);
    if (!status && bias) status = onednn_bind(out, DNNL_ARG_BIAS, desc, false, 2);
    if (!status) status = onednn_bind_filters(out, DNNL_ARG_WEIGHTS, desc, &desc->inputs[1], false, 1, &open_weights);
    if (!status) status = onednn_read_window(desc, &desc->inputs[1], &w);
    if (status) return status;
    src = out->tensors[0].given;
    dst = out->tensors[1].given;
    dnnl_memory_desc_t *b = bias ? &out->tensors[2].given : NULL;
    if (residual) {
        out->added = (int)desc->ninputs - 1;
        if (memcmp(&desc->inputs[out->added], &desc->outputs[0], sizeof desc->outputs[0]))
            return onednn_fail(SHUNT_E_UNSUPPORTED, "the residual is not like dst");
    }
    if (free) {
        status = onednn_describe_open(&desc->inputs[0], &src);
        if (!status) status = onednn_describe_open(&desc->outputs[0], &dst);
    }
    if (!status)
        status = onednn_check(dnnl_dilated_convolution_forward_desc_init(
                                  &out->op.conv, dnnl_forward_inference, dnnl_convolution_direct, &src, &open_weights,
                                  b, &dst, w.strides, w.dilates, w.before, w.after),
                              "describing a convolution");
    return status ? status : append_post_ops(desc, out->attr);
}

const onednn_kind onednn_conv = {
    .flags = SHUNT_FLAG_BIAS | SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU,
    .recipe = recipe,
};
