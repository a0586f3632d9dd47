/* conv_grad_weights_direct.c - the gradient of a convolution by its weights that does everything: any stride, padding,
 * dilation, groups and layout. */
#include "conv.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    return ocl_conv_refuse(desc);
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0], *diff_dst = &op->desc.inputs[1];
    const conv_dims dims = ocl_conv_dims(&op->desc);
    const int64_t block = shunt_tensor_block(diff_dst);
    const uint32_t lanes = ocl_lanes(op->device, block);
    const size_t local = ocl_reduce_group(op->device, lanes * sizeof(float));
    const uint64_t sums =
        (uint64_t)ocl_inner_count(&op->desc.outputs[0], 1) + (op->desc.flags & SHUNT_FLAG_BIAS ? 1 : 0);
    const uint64_t items = (uint64_t)((dims.K + block - 1) / block * block) / lanes * sums * local;
    const ocl_constant constants[] = {{sizeof dims, &dims}};
    char options[OCL_OPTIONS_CHARS] = "";

    ocl_conv_inplace(op);
    ocl_add_option(options, "-DB=%lld -DV=%u -DWG=%zu -DSB=%lld%s", (long long)block, lanes, local,
                   (long long)shunt_tensor_block(src), dims.groups > 1 ? " -DGROUPED" : "");
    shunt_status status = ocl_step_create(op->device, &op->steps[0], &ocl_conv_grad_weights_direct_cl, options,
                                          "conv_grad_weights_direct", 1, &items, &local);
    return status ? status : ocl_step_constants(&op->steps[0], 8, 1, constants);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    (void)workspace;
    const shunt_arg tensors[] = {inputs[0], inputs[1], outputs[0], outputs[op->desc.flags & SHUNT_FLAG_BIAS ? 1 : 0]};
    return ocl_step_run(&op->steps[0], queue, 4, tensors);
}

const ocl_algorithm ocl_conv_grad_weights_direct = {
    .kind = SHUNT_OP_CONV_GRAD_WEIGHTS, .name = "direct", .refuse = refuse, .prepare = prepare, .launch = launch};
