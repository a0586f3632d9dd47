/* memory.c - tensors and layouts between Shunt's terms and oneDNN's. */
#include "onednn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t onednn_block(void)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    if ((isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core) return 16;
    return (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2 ? 8 : SHUNT_PLAIN;
}

static shunt_status tag_of(const shunt_tensor_desc *tensor, dnnl_format_tag_t *tag)
{
    static const dnnl_format_tag_t plain[] = {
        [1] = dnnl_a, [2] = dnnl_ab, [3] = dnnl_abc, [4] = dnnl_abcd, [5] = dnnl_abcde, [6] = dnnl_abcdef};
    if (tensor->dtype != SHUNT_F32) return onednn_fail(SHUNT_E_UNSUPPORTED, "only float32 is done here");
    if (tensor->rank < 1 || tensor->rank > 6)
        return onednn_fail(SHUNT_E_UNSUPPORTED, "a tensor of rank %u; here it is 1 to 6", tensor->rank);
    *tag = plain[tensor->rank];
    if (tensor->rank != 4 || tensor->block == SHUNT_PLAIN) return SHUNT_OK;
    switch (tensor->block) {
    case SHUNT_CHANNELS_LAST:
        *tag = dnnl_acdb;
        return SHUNT_OK;
    case 4:
        *tag = dnnl_aBcd4b;
        return SHUNT_OK;
    case 8:
        *tag = dnnl_aBcd8b;
        return SHUNT_OK;
    case 16:
        *tag = dnnl_aBcd16b;
        return SHUNT_OK;
    default:
        return onednn_fail(SHUNT_E_UNSUPPORTED, "blocks of %u channels; oneDNN has 4, 8 and 16", tensor->block);
    }
}

static shunt_status describe(const shunt_tensor_desc *tensor, dnnl_format_tag_t tag, dnnl_memory_desc_t *out)
{
    dnnl_dims_t dims = {0};
    memcpy(dims, tensor->dims, sizeof tensor->dims);
    return onednn_check(dnnl_memory_desc_init_by_tag(out, tensor->rank, dims, dnnl_f32, tag), "describing a tensor");
}

shunt_status onednn_describe(const shunt_tensor_desc *tensor, dnnl_memory_desc_t *out)
{
    dnnl_format_tag_t tag = dnnl_format_tag_undef;
    shunt_status status = tag_of(tensor, &tag);
    return status ? status : describe(tensor, tag, out);
}

shunt_status onednn_describe_open(const shunt_tensor_desc *tensor, dnnl_memory_desc_t *out)
{
    return describe(tensor, dnnl_format_tag_any, out);
}

shunt_status onednn_bind(onednn_recipe *recipe, int arg, const shunt_op_desc *desc, bool output, uint32_t index)
{
    onednn_tensor *made = &recipe->tensors[recipe->ntensors];
    *made = (onednn_tensor){.arg = arg, .output = output, .index = index};
    shunt_status status = onednn_describe(output ? &desc->outputs[index] : &desc->inputs[index], &made->given);
    if (!status) recipe->ntensors++;
    return status;
}

/* oneDNN's maximum turns NaN into 0, which the contract forbids. With a slope below 0 its ReLU compares instead, and NaN
 * stays. A negative x then gives 2^-80 x in place of 0: nothing, beside the rounding of the sum that x is. */
shunt_status onednn_append_relu(dnnl_post_ops_t post_ops)
{
    return onednn_check(dnnl_post_ops_append_eltwise(post_ops, 1, dnnl_eltwise_relu, 0x1p-80f, 0), "appending a ReLU");
}

void onednn_format_name(const dnnl_memory_desc_t *md, char name[SHUNT_PARAMS_CHARS])
{
    const dnnl_blocking_desc_t *blocking = &md->format_desc.blocking;
    size_t used = 0;
    bool done[DNNL_MAX_NDIMS] = {false}, blocked[DNNL_MAX_NDIMS] = {false};
    if (md->format_kind != dnnl_blocked) {
        snprintf(name, SHUNT_PARAMS_CHARS, "of oneDNN's kind %d", (int)md->format_kind);
        return;
    }
    for (int i = 0; i < blocking->inner_nblks; i++) blocked[blocking->inner_idxs[i]] = true;
    for (int i = 0; i < md->ndims; i++) { /* from the largest stride to the smallest */
        int next = -1;
        for (int d = 0; d < md->ndims; d++)
            if (!done[d] && (next < 0 || blocking->strides[d] > blocking->strides[next])) next = d;
        done[next] = true;
        name[used++] = (char)((blocked[next] ? 'A' : 'a') + next);
    }
    name[used] = 0;
    for (int i = 0; i < blocking->inner_nblks && used < SHUNT_PARAMS_CHARS; i++)
        used += (size_t)snprintf(name + used, SHUNT_PARAMS_CHARS - used, "%d%c", (int)blocking->inner_blks[i],
                                 (char)('a' + blocking->inner_idxs[i]));
}
