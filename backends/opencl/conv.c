/* conv.c - what the convolution algorithms share: checks, sizes, and when the weights get packed. */
#include "conv.h"

#include <stdio.h>
#include <string.h>

conv_dims ocl_conv_dims(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *weights = &desc->inputs[1], *dst = &desc->outputs[0];
    const shunt_conv_attr *attr = &desc->attr.conv;
    return (conv_dims){
        .N = (cl_int)src->dims[0],
        .C = (cl_int)src->dims[1],
        .H = (cl_int)src->dims[2],
        .W = (cl_int)src->dims[3],
        .K = (cl_int)weights->dims[0],
        .P = (cl_int)dst->dims[2],
        .Q = (cl_int)dst->dims[3],
        .R = (cl_int)weights->dims[2],
        .S = (cl_int)weights->dims[3],
        .stride = {attr->stride[0], attr->stride[1]},
        .dilation = {attr->dilation[0], attr->dilation[1]},
        .pad = {attr->pad_before[0], attr->pad_before[1]},
        .groups = attr->groups,
        .flags = (cl_int)desc->flags,
    };
}

const char *ocl_conv_refuse_tiles(const ocl_device *device)
{
    if (!ocl_is_cpu(device)) return "register tiles suit CPUs only";
    /* Mesa 22.3 takes what it loads from argument structs for uniform where it is not (docs/drivers.md). */
    if (!strcmp(device->found.info.platform, "rusticl")) return "rusticl gets register tiles wrong";
    return NULL;
}

const char *ocl_conv_refuse(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *weights = &desc->inputs[1], *dst = &desc->outputs[0];
    const shunt_conv_attr *attr = &desc->attr.conv;
    const bool bias = desc->flags & SHUNT_FLAG_BIAS, residual = desc->flags & SHUNT_FLAG_RESIDUAL;
    if (desc->ninputs != 2 + (uint32_t)bias + (uint32_t)residual) return "a wrong number of inputs";
    if (src->rank != 4 || weights->rank != 4 || dst->rank != 4) return "tensors that are not of rank 4";
    if (weights->block != SHUNT_PLAIN) return "weights that are not plain";
    if (attr->groups < 1 || src->dims[1] % attr->groups || weights->dims[0] % attr->groups)
        return "groups that do not divide the channels";
    if (weights->dims[1] != src->dims[1] / attr->groups) return "weights of other channels than src";
    if (dst->dims[0] != src->dims[0] || dst->dims[1] != weights->dims[0]) return "dst of other channels or images";
    if (ocl_inner_count(weights, 1) > INT32_MAX) return "2^31 or more weights per output channel";
    for (int i = 0; i < 2; i++)
        if (!ocl_window_fits(src->dims[2 + i], dst->dims[2 + i], weights->dims[2 + i], attr->stride[i],
                             attr->dilation[i], attr->pad_before[i], attr->pad_after[i]))
            return "dst is not of the size that window, stride, dilation and padding give";
    if (bias && (desc->inputs[2].rank != 1 || desc->inputs[2].dims[0] != dst->dims[1])) return "a bias that is not (K)";
    if (residual && !ocl_same_desc(&desc->inputs[ocl_residual_index(desc)], dst)) return "a residual unlike dst";
    return NULL;
}

void ocl_conv_cost(shunt_bop *op)
{
    const shunt_tensor_desc *weights = &op->desc.inputs[1];
    op->info.flops = 2 * shunt_tensor_count(&op->desc.outputs[0]) *
                     (uint64_t)(weights->dims[1] * weights->dims[2] * weights->dims[3]);
    if (op->desc.flags & SHUNT_FLAG_RESIDUAL) op->info.inplace_inputs = 1u << ocl_residual_index(&op->desc);
}

void ocl_conv_packed(shunt_bop *op, const char *format, uint64_t bytes)
{
    if (op->desc.constant_inputs & 2) {
        op->info.packed_bytes[1] = bytes;
        snprintf(op->info.packed_format, sizeof op->info.packed_format, "%s", format);
        return;
    }
    const uint64_t align = op->device->found.info.alignment;
    op->pack_offset = (op->info.workspace + align - 1) / align * align;
    op->info.workspace = op->pack_offset + bytes;
}

shunt_status ocl_conv_tensors(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_arg tensors[5])
{
    const uint32_t flags = op->desc.flags;
    tensors[0] = inputs[0];
    tensors[1] = inputs[1];
    tensors[2] = flags & SHUNT_FLAG_BIAS ? inputs[2] : inputs[0];
    tensors[3] = flags & SHUNT_FLAG_RESIDUAL ? inputs[ocl_residual_index(&op->desc)] : inputs[0];
    tensors[4] = outputs[0];
    if (op->info.packed_bytes[1] > 0) return SHUNT_OK;
    const shunt_arg pack[] = {inputs[1], {workspace.buffer, workspace.offset + op->pack_offset}};
    tensors[1] = pack[1];
    return ocl_step_run(&op->pack, queue, 2, pack);
}

shunt_status ocl_conv_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                             shunt_arg workspace)
{
    shunt_arg tensors[5];
    shunt_status status = ocl_conv_tensors(op, queue, inputs, outputs, workspace, tensors);
    return status ? status : ocl_step_run(&op->steps[0], queue, 5, tensors);
}
