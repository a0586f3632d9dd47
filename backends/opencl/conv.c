/* conv.c - what the convolution algorithms share: checks, sizes, and when the weights get packed. */
#include "conv.h"

#include <stdio.h>
#include <string.h>

conv_parts ocl_conv_parts(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *in = desc->inputs, *out = desc->outputs;
    switch (desc->kind) {
    case SHUNT_OP_CONV_GRAD_SRC:
        return (conv_parts){.src = &out[0], .weights = &in[0], .dst = &in[1]};
    case SHUNT_OP_CONV_GRAD_WEIGHTS:
        return (conv_parts){.src = &in[0], .weights = &out[0], .dst = &in[1]};
    default:
        return (conv_parts){.src = &in[0], .weights = &in[1], .dst = &out[0]};
    }
}

conv_dims ocl_conv_dims(const shunt_op_desc *desc)
{
    const conv_parts t = ocl_conv_parts(desc);
    const shunt_conv_attr *attr = &desc->attr.conv;
    return (conv_dims){
        .N = (cl_int)t.src->dims[0],
        .C = (cl_int)t.src->dims[1],
        .H = (cl_int)t.src->dims[2],
        .W = (cl_int)t.src->dims[3],
        .K = (cl_int)t.weights->dims[0],
        .P = (cl_int)t.dst->dims[2],
        .Q = (cl_int)t.dst->dims[3],
        .R = (cl_int)t.weights->dims[2],
        .S = (cl_int)t.weights->dims[3],
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

bool ocl_conv_takes_block(const ocl_device *device, const shunt_tensor_desc *tensor)
{
    const int64_t block = shunt_tensor_block(tensor), lanes = device->found.info.block;
    return block == lanes || (tensor->dtype != SHUNT_F32 && block == 2 * lanes);
}

/* What is wrong with the tensors besides src, weights and dst. */
static const char *refuse_extras(const shunt_op_desc *desc, const conv_parts *t)
{
    const bool bias = desc->flags & SHUNT_FLAG_BIAS, residual = desc->flags & SHUNT_FLAG_RESIDUAL,
               relu = desc->flags & SHUNT_FLAG_RELU;
    const uint32_t at = ocl_residual_index(desc);
    switch (desc->kind) {
    case SHUNT_OP_CONV_GRAD_SRC:
        if (bias) return "a flag that the op lacks";
        if (residual && !ocl_same_desc(&desc->inputs[at], t->src)) return "a residual unlike diff_src";
        if (relu && !ocl_same_desc(&desc->inputs[desc->ninputs - 1], t->src)) return "a mask unlike diff_src";
        return NULL;
    case SHUNT_OP_CONV_GRAD_WEIGHTS:
        if (residual || relu) return "a flag that the op lacks";
        if (bias && (desc->outputs[1].rank != 1 || desc->outputs[1].dims[0] != t->dst->dims[1]))
            return "a diff_bias that is not (K)";
        return NULL;
    default:
        if (bias && (desc->inputs[2].rank != 1 || desc->inputs[2].dims[0] != t->dst->dims[1]))
            return "a bias that is not (K)";
        return residual && !ocl_same_desc(&desc->inputs[at], t->dst) ? "a residual unlike dst" : NULL;
    }
}

const char *ocl_conv_refuse(const shunt_op_desc *desc)
{
    const uint32_t known = SHUNT_FLAG_BIAS | SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU;
    const conv_parts t = ocl_conv_parts(desc);
    const shunt_conv_attr *attr = &desc->attr.conv;
    if (desc->flags & ~known) return "a flag that the op lacks";
    if (t.src->rank != 4 || t.weights->rank != 4 || t.dst->rank != 4) return "tensors that are not of rank 4";
    if (t.weights->block != SHUNT_PLAIN) return "weights that are not plain";
    if (attr->groups < 1 || t.src->dims[1] % attr->groups || t.weights->dims[0] % attr->groups)
        return "groups that do not divide the channels";
    if (t.weights->dims[1] != t.src->dims[1] / attr->groups) return "weights of other channels than src";
    if (t.dst->dims[0] != t.src->dims[0] || t.dst->dims[1] != t.weights->dims[0])
        return "dst of other channels or images";
    if (ocl_inner_count(t.weights, 1) > INT32_MAX) return "2^31 or more weights per output channel";
    for (int i = 0; i < 2; i++)
        if (!ocl_window_fits(t.src->dims[2 + i], t.dst->dims[2 + i], t.weights->dims[2 + i], attr->stride[i],
                             attr->dilation[i], attr->pad_before[i], attr->pad_after[i]))
            return "dst is not of the size that window, stride, dilation and padding give";
    return refuse_extras(desc, &t);
}

void ocl_conv_inplace(shunt_bop *op)
{
    if (op->desc.flags & SHUNT_FLAG_RESIDUAL) op->info.inplace_inputs = 1u << ocl_residual_index(&op->desc);
}

/* What packed weights are rounded to: the end of their format's name. */
static const char *rounded_to(const shunt_op_desc *desc)
{
    const uint8_t data = shunt_op_data_type(desc);
    return data == SHUNT_F16 ? " f16" : data == SHUNT_BF16 ? " bf16" : "";
}

/* Which input the weights are. */
static uint32_t weights_input(const shunt_bop *op)
{
    return op->desc.kind == SHUNT_OP_CONV_GRAD_SRC ? 0 : 1;
}

bool ocl_conv_packs_ahead(const shunt_bop *op)
{
    return op->ahead >> weights_input(op) & 1;
}

void ocl_conv_packed(shunt_bop *op, const char *format, uint64_t bytes)
{
    const bool once = op->desc.kind != SHUNT_OP_CONV_GRAD_SRC && op->desc.constant_inputs & 2;
    if (once || op->packings) {
        op->info.packed_bytes[weights_input(op)] = bytes;
        snprintf(op->info.packed_format, sizeof op->info.packed_format, "%s%s", format, rounded_to(&op->desc));
        return;
    }
    const uint64_t align = op->device->found.info.alignment;
    op->pack_offset = (op->info.workspace + align - 1) / align * align;
    op->info.workspace = op->pack_offset + bytes;
}

shunt_arg ocl_conv_packed_arg(const shunt_bop *op, const shunt_arg *inputs, shunt_arg workspace)
{
    const shunt_arg here = {workspace.buffer, workspace.offset + op->pack_offset};
    return op->info.packed_bytes[weights_input(op)] > 0 ? inputs[weights_input(op)] : here;
}

void ocl_conv_tensors(shunt_bop *op, const shunt_arg *inputs, const shunt_arg *outputs, shunt_arg workspace,
                      shunt_arg tensors[5])
{
    const uint32_t flags = op->desc.flags;
    const bool gradient = op->desc.kind == SHUNT_OP_CONV_GRAD_SRC;
    const shunt_arg src = inputs[gradient ? 1 : 0];
    const bool added = gradient ? flags & SHUNT_FLAG_RELU : flags & SHUNT_FLAG_BIAS;
    tensors[0] = src;
    tensors[1] = ocl_conv_packed_arg(op, inputs, workspace);
    tensors[2] = added ? inputs[gradient ? op->desc.ninputs - 1 : 2] : src;
    tensors[3] = flags & SHUNT_FLAG_RESIDUAL ? inputs[ocl_residual_index(&op->desc)] : src;
    tensors[4] = outputs[0];
}

shunt_status ocl_conv_pack(const shunt_bop *op, ocl_step *step, shunt_bqueue *queue, const shunt_arg *inputs,
                           shunt_arg workspace)
{
    const shunt_arg pack[] = {inputs[weights_input(op)], ocl_conv_packed_arg(op, inputs, workspace)};
    return op->info.packed_bytes[weights_input(op)] > 0 ? SHUNT_OK : ocl_step_run(step, queue, 2, pack);
}

shunt_status ocl_conv_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                             shunt_arg workspace)
{
    shunt_arg tensors[5];
    ocl_conv_tensors(op, inputs, outputs, workspace, tensors);
    shunt_status status = ocl_conv_pack(op, &op->pack, queue, inputs, workspace);
    return status ? status : ocl_step_run(&op->steps[0], queue, 5, tensors);
}
