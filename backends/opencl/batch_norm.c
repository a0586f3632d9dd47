/* batch_norm.c - batch normalisation with given statistics (inference), optionally through ReLU. */
#include "kernels.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (desc->ninputs != 5) return "a wrong number of inputs";
    if (desc->flags & ~(uint32_t)SHUNT_FLAG_RELU) return "a flag that the op lacks";
    if (desc->inputs[0].rank < 2) return "src without a channel dimension";
    if (!ocl_same_desc(&desc->inputs[0], &desc->outputs[0])) return "src and dst of different shapes or layouts";
    for (int i = 1; i < 5; i++)
        if (desc->inputs[i].rank != 1 || desc->inputs[i].dims[0] != desc->inputs[0].dims[1])
            return "a parameter that is not one number per channel";
    if (ocl_inner_count(&desc->inputs[0], 2) > INT32_MAX) return "more than 2^31 - 1 pixels in an image";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0];
    char options[OCL_OPTIONS_CHARS];
    int64_t block = shunt_tensor_block(src);
    if (src->rank != 4) block = SHUNT_PLAIN;
    cl_ulong vectors = shunt_tensor_storage(src) / ocl_lanes(op->device, block);
    cl_int C = (cl_int)src->dims[1], H = (cl_int)ocl_inner_count(src, 2), flags = (cl_int)op->desc.flags;
    cl_float epsilon = op->desc.attr.batch_norm.epsilon;
    const ocl_constant constants[] = {
        {sizeof vectors, &vectors}, {sizeof C, &C}, {sizeof H, &H}, {sizeof flags, &flags}, {sizeof epsilon, &epsilon}};
    op->info.inplace_inputs = 1;
    op->info.flops *= 4;
    ocl_block_options(op->device, block, options);
    shunt_status status =
        ocl_step_create_flat(op->device, &op->steps[0], &ocl_batch_norm_cl, options, "batch_norm", vectors);
    if (status) return status;
    return ocl_step_constants(&op->steps[0], 12, 5, constants);
}

const ocl_algorithm ocl_batch_norm = {
    .kind = SHUNT_OP_BATCH_NORM, .name = "direct", .refuse = refuse, .prepare = prepare};
