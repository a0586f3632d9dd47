/* conv.c - convolution with bias, sum and ReLU in one pass: src (N,C,H,W), weights (K,C/groups,R,S) -> dst (N,K,P,Q).
 * The weights' layout is oneDNN's choice. */
#include "onednn.h"

#include <string.h>

/* Weights as oneDNN wants them told: with groups (G,K/G,C/G,R,S), which is the same memory. */
static shunt_status describe_weights(const shunt_op_desc *desc, dnnl_memory_desc_t *given, dnnl_memory_desc_t *open)
{
    const int64_t *w = desc->inputs[1].dims, groups = desc->attr.conv.groups;
    if (desc->inputs[1].rank != 4 || groups < 1 || w[0] % groups)
        return onednn_fail(SHUNT_E_INVALID, "%lld groups, and weights of rank %u", (long long)groups,
                           desc->inputs[1].rank);
    bool grouped = groups > 1;
    dnnl_dims_t dims = {groups, w[0] / groups, w[1], w[2], w[3]}; /* without groups the first two are one */
    if (!grouped) memcpy(dims, desc->inputs[1].dims, sizeof desc->inputs[1].dims);
    int rank = grouped ? 5 : 4;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(given, rank, dims, dnnl_f32, grouped ? dnnl_abcde : dnnl_abcd);
    if (status == dnnl_success) status = dnnl_memory_desc_init_by_tag(open, rank, dims, dnnl_f32, dnnl_format_tag_any);
    return onednn_check(status, "describing weights");
}

/* oneDNN 2.6.3's brgconv reads wild memory then. */
static shunt_status refuse_empty_windows(const shunt_op_desc *desc)
{
    const shunt_conv_attr *a = &desc->attr.conv;
    for (int i = 0; i < 2; i++) {
        int64_t extent = a->dilation[i] * (desc->inputs[1].dims[2 + i] - 1) + 1;
        if (a->pad_before[i] >= extent || a->pad_after[i] >= extent)
            return onednn_fail(SHUNT_E_UNSUPPORTED, "windows that lie wholly in the padding");
    }
    return SHUNT_OK;
}

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
    const shunt_conv_attr *a = &desc->attr.conv;
    bool bias = desc->flags & SHUNT_FLAG_BIAS, residual = desc->flags & SHUNT_FLAG_RESIDUAL;
    dnnl_memory_desc_t src, weights, open_weights, dst;
    shunt_status status = onednn_bind(out, DNNL_ARG_SRC, desc, false, 0);
    if (!status) status = onednn_bind(out, DNNL_ARG_DST, desc, true, 0);
    if (!status && bias) status = onednn_bind(out, DNNL_ARG_BIAS, desc, false, 2);
    if (!status) status = describe_weights(desc, &weights, &open_weights);
    if (!status) status = refuse_empty_windows(desc);
    if (status) return status;
    src = out->tensors[0].given;
    dst = out->tensors[1].given;
    dnnl_memory_desc_t *b = bias ? &out->tensors[2].given : NULL;
    out->tensors[out->ntensors++] = (onednn_tensor){.arg = DNNL_ARG_WEIGHTS, .index = 1, .given = weights};
    if (residual) {
        out->added = (int)desc->ninputs - 1;
        if (memcmp(&desc->inputs[out->added], &desc->outputs[0], sizeof desc->outputs[0]))
            return onednn_fail(SHUNT_E_UNSUPPORTED, "the residual is not like dst");
    }
    if (free) {
        status = onednn_describe_open(&desc->inputs[0], &src);
        if (!status) status = onednn_describe_open(&desc->outputs[0], &dst);
    }
    dnnl_dims_t strides = {a->stride[0], a->stride[1]}, dilates = {a->dilation[0] - 1, a->dilation[1] - 1};
    dnnl_dims_t before = {a->pad_before[0], a->pad_before[1]}, after = {a->pad_after[0], a->pad_after[1]};
    if (!status)
        status = onednn_check(dnnl_dilated_convolution_forward_desc_init(&out->op.conv, dnnl_forward_inference,
                                                                         dnnl_convolution_direct, &src, &open_weights,
                                                                         b, &dst, strides, dilates, before, after),
                              "describing a convolution");
    return status ? status : append_post_ops(desc, out->attr);
}

static uint64_t flops(const shunt_op_desc *desc)
{
    const int64_t *weights = desc->inputs[1].dims;
    return 2 * shunt_tensor_count(&desc->outputs[0]) * (uint64_t)(weights[1] * weights[2] * weights[3]);
}

const onednn_kind onednn_conv = {
    .ninputs = 2,
    .flags = SHUNT_FLAG_BIAS | SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU,
    .recipe = recipe,
    .flops = flops,
};
