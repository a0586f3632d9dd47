/* window.c - see window.h. */
#include "window.h"

#include <string.h>

shunt_status onednn_read_window(const shunt_op_desc *desc, const shunt_tensor_desc *filters, onednn_window *out)
{
    const shunt_conv_attr *a = &desc->attr.conv;
    memset(out, 0, sizeof *out);
    for (int i = 0; i < 2; i++) {
        int64_t extent = a->dilation[i] * (filters->dims[2 + i] - 1) + 1;
        if (a->pad_before[i] >= extent || a->pad_after[i] >= extent) /* oneDNN 2.6.3's brgconv reads wild memory then */
            return onednn_fail(SHUNT_E_UNSUPPORTED, "windows that lie wholly in the padding");
        out->strides[i] = a->stride[i];
        out->dilates[i] = a->dilation[i] - 1;
        out->before[i] = a->pad_before[i];
        out->after[i] = a->pad_after[i];
    }
    return SHUNT_OK;
}

/* With groups (G,K/G,C/G,R,S), which is the same memory. */
shunt_status onednn_bind_filters(onednn_recipe *recipe, int arg, const shunt_op_desc *desc,
                                 const shunt_tensor_desc *filters, bool output, uint32_t index,
                                 dnnl_memory_desc_t *open)
{
    const int64_t *k = filters->dims, groups = desc->attr.conv.groups;
    if (filters->rank != 4 || filters->block != SHUNT_PLAIN || groups < 1 || k[0] % groups)
        return onednn_fail(SHUNT_E_INVALID, "%lld groups, and filters of rank %u", (long long)groups, filters->rank);
    bool grouped = groups > 1;
    dnnl_dims_t dims = {groups, k[0] / groups, k[1], k[2], k[3]};
    if (!grouped) memcpy(dims, filters->dims, sizeof filters->dims);
    int rank = grouped ? 5 : 4;
    onednn_tensor *made = &recipe->tensors[recipe->ntensors];
    *made = (onednn_tensor){.arg = arg, .output = output, .index = index};
    dnnl_status_t status =
        dnnl_memory_desc_init_by_tag(&made->given, rank, dims, dnnl_f32, grouped ? dnnl_abcde : dnnl_abcd);
    if (status == dnnl_success) status = dnnl_memory_desc_init_by_tag(open, rank, dims, dnnl_f32, dnnl_format_tag_any);
    if (status == dnnl_success) recipe->ntensors++;
    return onednn_check(status, "describing filters");
}
