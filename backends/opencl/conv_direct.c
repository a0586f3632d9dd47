/* conv_direct.c - the convolution, and its gradient by src, that do everything: any stride, padding, dilation, groups and
 * layout. */
#include "conv.h"

#include <stdio.h>

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    return ocl_conv_refuse(desc);
}

/* A gradient's, with src and dst exchanged. */
static conv_dims turned(const conv_dims *d)
{
    conv_dims t = *d;
    t.C = d->K, t.H = d->P, t.W = d->Q;
    t.K = d->C, t.P = d->H, t.Q = d->W;
    t.flags = d->flags & SHUNT_FLAG_RESIDUAL;
    if (d->flags & SHUNT_FLAG_RELU) t.flags |= OCL_CONV_MASK;
    return t;
}

static shunt_status prepare(shunt_bop *op)
{
    const bool gradient = op->desc.kind == SHUNT_OP_CONV_GRAD_SRC;
    const shunt_tensor_desc *src = &op->desc.inputs[gradient ? 1 : 0], *dst = &op->desc.outputs[0];
    const conv_dims given = ocl_conv_dims(&op->desc), dims = gradient ? turned(&given) : given;
    const int64_t block = shunt_tensor_block(dst);
    const cl_ulong vectors = shunt_tensor_storage(dst) / ocl_lanes(op->device, block);
    const uint64_t packed = (uint64_t)((dims.K + block - 1) / block * block) * (uint64_t)(dims.C / dims.groups) *
                            (uint64_t)(dims.R * dims.S);
    char options[OCL_OPTIONS_CHARS], format[SHUNT_PARAMS_CHARS];
    const ocl_constant constants[] = {{sizeof vectors, &vectors}, {sizeof dims, &dims}};

    ocl_conv_inplace(op);
    ocl_block_options(op->device, block, options);
    ocl_add_option(options, " -DSB=%lld%s%s", (long long)shunt_tensor_block(src), dims.groups > 1 ? " -DGROUPED" : "",
                   gradient ? " -DGRADIENT" : "");
    shunt_status status =
        ocl_step_create_flat(op->device, &op->steps[0], &ocl_conv_direct_cl, options, "conv_direct", vectors);
    if (!status) status = ocl_step_constants(&op->steps[0], 10, 2, constants);
    if (!status)
        status = ocl_step_create_flat(op->device, &op->pack, &ocl_conv_direct_cl, options, "conv_direct_pack", packed);
    if (!status) status = ocl_step_constants(&op->pack, 4, 1, &constants[1]);
    if (status) return status;
    snprintf(format, sizeof format, "direct b=%lld", (long long)block);
    ocl_conv_packed(op, format, packed * shunt_dtype_bytes(dst->dtype));
    return SHUNT_OK;
}

const ocl_algorithm ocl_conv_direct = {
    .kind = SHUNT_OP_CONV, .name = "direct", .refuse = refuse, .prepare = prepare, .launch = ocl_conv_launch};
const ocl_algorithm ocl_conv_grad_src_direct = {
    .kind = SHUNT_OP_CONV_GRAD_SRC, .name = "direct", .refuse = refuse, .prepare = prepare, .launch = ocl_conv_launch};
