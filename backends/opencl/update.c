/* update.c - what a training step does to parameters: stochastic gradient descent, moving averages. */
#include "flat.h"
#include "kernels.h"

static const char *refuse_sgd(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *weights = &desc->inputs[0], *rate = &desc->inputs[3];
    if (!ocl_same_desc(&desc->inputs[1], weights) || !ocl_same_desc(&desc->inputs[2], weights) ||
        !ocl_same_desc(&desc->outputs[0], weights) || !ocl_same_desc(&desc->outputs[1], weights))
        return "tensors of different shapes or layouts";
    return shunt_tensor_count(rate) == 1 ? NULL : "a rate that is not one number";
}

static shunt_status prepare_sgd(shunt_bop *op)
{
    const cl_ulong count = shunt_tensor_storage(&op->desc.inputs[0]);
    const cl_float momentum = op->desc.attr.sgd.momentum, weight_decay = op->desc.attr.sgd.weight_decay;
    const char *option = op->desc.flags & SHUNT_FLAG_NESTEROV ? " -DNESTEROV" : "";
    const ocl_constant constants[] = {
        {sizeof count, &count}, {sizeof momentum, &momentum}, {sizeof weight_decay, &weight_decay}};
    shunt_status status = ocl_flat_step(op->device, &op->steps[0], &op->desc.inputs[0], &ocl_update_cl, option, "sgd");
    return status ? status : ocl_step_constants(&op->steps[0], 12, 3, constants);
}

static const char *refuse_average(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (desc->flags) return "a flag that the op lacks";
    if (!ocl_same_desc(&desc->inputs[1], &desc->inputs[0]) || !ocl_same_desc(&desc->outputs[0], &desc->inputs[0]))
        return "tensors of different shapes or layouts";
    return NULL;
}

static shunt_status prepare_average(shunt_bop *op)
{
    const cl_ulong count = shunt_tensor_storage(&op->desc.inputs[0]);
    const cl_float rate = op->desc.attr.moving_average.rate, scale = op->desc.attr.moving_average.scale;
    const ocl_constant constants[] = {{sizeof count, &count}, {sizeof rate, &rate}, {sizeof scale, &scale}};
    shunt_status status =
        ocl_flat_step(op->device, &op->steps[0], &op->desc.inputs[0], &ocl_update_cl, "", "moving_average");
    return status ? status : ocl_step_constants(&op->steps[0], 6, 3, constants);
}

const ocl_algorithm ocl_sgd = {.kind = SHUNT_OP_SGD, .name = "flat", .refuse = refuse_sgd, .prepare = prepare_sgd};
const ocl_algorithm ocl_moving_average = {
    .kind = SHUNT_OP_MOVING_AVERAGE, .name = "flat", .refuse = refuse_average, .prepare = prepare_average};
