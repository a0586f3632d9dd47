/* batch_norm_train.c - the statistics of a batch and the batch norm by them, in two launches instead of three. */
#include "channels.h"
#include "kernels.h"

enum { SLICES, NORM }; /* steps */

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0];
    if (ocl_is_cpu(device)) return "a processor merges the slices once, in a launch of its own";
    if (desc->flags & ~(uint32_t)(SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU)) return "a flag that the op lacks";
    if (!ocl_same_desc(src, &desc->outputs[0])) return "src and dst of different shapes or layouts";
    if (desc->flags & SHUNT_FLAG_RESIDUAL && !ocl_same_desc(&desc->inputs[3], src))
        return "src and its residual of different shapes or layouts";
    for (int i = 1; i < 3; i++)
        if (!ocl_per_channel(&desc->inputs[i], src) || !ocl_per_channel(&desc->outputs[i], src))
            return "a parameter or statistic that is not one number per channel";
    return ocl_channels_refuse(src);
}

static shunt_status prepare(shunt_bop *op)
{
    const channel_plan plan = ocl_channels_plan(op->device, &op->desc.inputs[0]);
    const cl_int flags = (cl_int)op->desc.flags;
    const cl_float epsilon = op->desc.attr.batch_norm.epsilon;
    const ocl_constant constants[] = {
        {sizeof plan.dims, &plan.dims}, {sizeof flags, &flags}, {sizeof epsilon, &epsilon}};
    const ocl_source *source = &ocl_batch_norm_train_cl;
    op->info.workspace = plan.partial;
    shunt_status status = ocl_channels_step(op->device, &op->steps[SLICES], &plan, source, "statistics_slices");
    if (!status) status = ocl_step_constants(&op->steps[SLICES], 4, 1, constants);
    if (!status) status = ocl_channels_step(op->device, &op->steps[NORM], &plan, source, "norm_slices");
    return status ? status : ocl_step_constants(&op->steps[NORM], 16, 3, constants);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    /* An absent residual is never read, but a kernel argument needs a buffer. */
    const shunt_arg residual = op->desc.flags & SHUNT_FLAG_RESIDUAL ? inputs[3] : inputs[0];
    const shunt_arg slices[] = {inputs[0], workspace},
                    norm[] = {inputs[0], inputs[1], inputs[2], residual, outputs[0], outputs[1], outputs[2], workspace};
    shunt_status status = ocl_step_run(&op->steps[SLICES], queue, 2, slices);
    return status ? status : ocl_step_run(&op->steps[NORM], queue, 8, norm);
}

const ocl_algorithm ocl_batch_norm_train = {
    .kind = SHUNT_OP_BATCH_NORM_TRAIN, .name = "slices", .refuse = refuse, .prepare = prepare, .launch = launch};
