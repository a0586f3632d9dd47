/* linear.c - src (N,C), weights (K,C) -> dst (N,K) with bias and ReLU in one pass, by oneDNN's inner product. */
#include "onednn.h"

static shunt_status recipe(const shunt_op_desc *desc, bool free, onednn_recipe *out)
{
    (void)free; /* matrices have one layout */
    bool bias = desc->flags & SHUNT_FLAG_BIAS;
    if (desc->inputs[0].rank != 2) return onednn_fail(SHUNT_E_INVALID, "src has rank %u", desc->inputs[0].rank);
    shunt_status status = onednn_bind(out, DNNL_ARG_SRC, desc, false, 0);
    if (!status) status = onednn_bind(out, DNNL_ARG_WEIGHTS, desc, false, 1);
    if (!status) status = onednn_bind(out, DNNL_ARG_DST, desc, true, 0);
    if (!status && bias) status = onednn_bind(out, DNNL_ARG_BIAS, desc, false, 2);
    dnnl_memory_desc_t weights;
    if (!status) status = onednn_describe_open(&desc->inputs[1], &weights);
    if (status) return status;
    const onednn_tensor *t = out->tensors;
    status = onednn_check(dnnl_inner_product_forward_desc_init(&out->op.linear, dnnl_forward_inference, &t[0].given,
                                                               &weights, bias ? &t[3].given : NULL, &t[2].given),
                          "describing a linear layer");
    if (status || !(desc->flags & SHUNT_FLAG_RELU)) return status;
    dnnl_post_ops_t post_ops;
    status = onednn_check(dnnl_post_ops_create(&post_ops), "dnnl_post_ops_create");
    if (status) return status;
    status = onednn_append_relu(post_ops);
    if (!status) status = onednn_check(dnnl_primitive_attr_set_post_ops(out->attr, post_ops), "setting post-ops");
    dnnl_post_ops_destroy(post_ops);
    return status;
}

const onednn_kind onednn_linear = {.flags = SHUNT_FLAG_BIAS | SHUNT_FLAG_RELU, .recipe = recipe};
