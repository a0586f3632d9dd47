/* shortcut.c - the paper's option A: a strided identity with zero channels. */
#include "kernels.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    const shunt_shortcut_attr *attr = &desc->attr.shortcut;
    if (desc->ninputs != 1) return "a wrong number of inputs";
    if (desc->flags) return "a flag that the op lacks";
    if (src->rank != 4 || dst->rank != 4) return "tensors that are not N C H W";
    if (src->block != dst->block || src->block == SHUNT_CHANNELS_LAST) return "layouts other than one block of both";
    if (src->dims[0] != dst->dims[0]) return "src and dst of different images";
    if (attr->stride < 1 || attr->lead < 0) return "a stride below 1 or a negative lead";
    for (int i = 2; i < 4; i++)
        if ((dst->dims[i] - 1) * attr->stride >= src->dims[i]) return "dst larger than src and stride allow";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0], *dst = &op->desc.outputs[0];
    const shunt_shortcut_attr *attr = &op->desc.attr.shortcut;
    const int64_t block = shunt_tensor_block(src);
    const cl_ulong vectors = shunt_tensor_storage(dst) / ocl_lanes(op->device, block);
    const cl_int dims[] = {(cl_int)src->dims[1], (cl_int)src->dims[2], (cl_int)src->dims[3], (cl_int)dst->dims[1],
                           (cl_int)dst->dims[2], (cl_int)dst->dims[3], attr->stride,         attr->lead};
    enum { NDIMS = sizeof dims / sizeof *dims };
    ocl_constant constants[1 + NDIMS] = {{sizeof vectors, &vectors}};
    for (int i = 0; i < NDIMS; i++) constants[1 + i] = (ocl_constant){sizeof dims[i], &dims[i]};
    char options[OCL_OPTIONS_CHARS];
    op->info.flops = 0;
    ocl_block_options(op->device, block, options);
    shunt_status status =
        ocl_step_create_flat(op->device, &op->steps[0], &ocl_shortcut_cl, options, "shortcut", vectors);
    if (status) return status;
    return ocl_step_constants(&op->steps[0], 4, 1 + NDIMS, constants);
}

const ocl_algorithm ocl_shortcut = {.kind = SHUNT_OP_SHORTCUT, .name = "direct", .refuse = refuse, .prepare = prepare};
