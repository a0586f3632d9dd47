/* conv_direct.c - the convolution that does everything: any stride, padding, dilation, groups and layout. */
#include "conv.h"

#include <stdio.h>

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    return ocl_conv_refuse(desc);
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *dst = &op->desc.outputs[0];
    const conv_dims dims = ocl_conv_dims(&op->desc);
    const int64_t block = shunt_tensor_block(dst);
    const cl_ulong vectors = shunt_tensor_storage(dst) / ocl_lanes(op->device, block);
    const cl_int channels = dims.C / dims.groups * dims.R * dims.S;
    const uint64_t packed = (uint64_t)((dims.K + block - 1) / block * block) * (uint64_t)channels;
    char options[OCL_OPTIONS_CHARS], format[SHUNT_PARAMS_CHARS];
    const ocl_constant constants[] = {{sizeof vectors, &vectors}, {sizeof dims, &dims}};
    const ocl_constant pack_constants[] = {{sizeof dims.K, &dims.K}, {sizeof channels, &channels}};

    ocl_conv_cost(op);
    ocl_block_options(op->device, block, options);
    ocl_add_option(options, " -DSB=%lld%s", (long long)shunt_tensor_block(&op->desc.inputs[0]),
                   dims.groups > 1 ? " -DGROUPED" : "");
    shunt_status status =
        ocl_step_create_flat(op->device, &op->steps[0], &ocl_conv_direct_cl, options, "conv_direct", vectors);
    if (!status) status = ocl_step_constants(&op->steps[0], 10, 2, constants);
    if (!status)
        status = ocl_step_create_flat(op->device, &op->pack, &ocl_conv_direct_cl, options, "conv_direct_pack", packed);
    if (!status) status = ocl_step_constants(&op->pack, 4, 2, pack_constants);
    if (status) return status;
    snprintf(format, sizeof format, "direct b=%lld", (long long)block);
    ocl_conv_packed(op, format, packed * sizeof(float));
    return SHUNT_OK;
}

const ocl_algorithm ocl_conv_direct = {
    .kind = SHUNT_OP_CONV, .name = "direct", .refuse = refuse, .prepare = prepare, .launch = ocl_conv_launch};
