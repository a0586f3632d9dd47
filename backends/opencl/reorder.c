/* reorder.c - another channel block for the same tensor. */
#include "kernels.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    if (desc->flags) return "a flag that the op lacks";
    if (src->rank != 4 || dst->rank != 4) return "tensors that are not N C H W";
    for (int i = 0; i < 4; i++)
        if (src->dims[i] != dst->dims[i]) return "src and dst of different shapes";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0], *dst = &op->desc.outputs[0];
    const int64_t block = shunt_tensor_block(dst);
    const cl_ulong vectors = shunt_tensor_storage(dst) / ocl_lanes(op->device, block);
    const cl_int dims[] = {(cl_int)src->dims[1], (cl_int)src->dims[2], (cl_int)src->dims[3]};
    const ocl_constant constants[] = {
        {sizeof vectors, &vectors}, {sizeof dims[0], &dims[0]}, {sizeof dims[1], &dims[1]}, {sizeof dims[2], &dims[2]}};
    char options[OCL_OPTIONS_CHARS];
    ocl_block_options(op->device, block, options);
    ocl_add_option(options, " -DSB=%lld", (long long)shunt_tensor_block(src));
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[0], &ocl_reorder_cl, options, "reorder", vectors);
    if (status) return status;
    return ocl_step_constants(&op->steps[0], 4, 4, constants);
}

const ocl_algorithm ocl_reorder = {.kind = SHUNT_OP_REORDER, .name = "direct", .refuse = refuse, .prepare = prepare};
