/* batch_statistics.c - mean and variance of a batch, channel by channel. */
#include "channels.h"
#include "kernels.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (desc->flags) return "a flag that the op lacks";
    const char *reason = ocl_channels_refuse(&desc->inputs[0]);
    if (reason) return reason;
    for (int i = 0; i < 2; i++)
        if (!ocl_per_channel(&desc->outputs[i], &desc->inputs[0]))
            return "an output that is not one number per channel";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const channel_plan plan = ocl_channels_plan(op->device, &op->desc.inputs[0]);
    const ocl_constant constants[] = {{sizeof plan.dims, &plan.dims}};
    op->info.workspace = plan.partial;
    shunt_status status =
        ocl_channels_step(op->device, &op->steps[0], &plan, &ocl_batch_statistics_cl, "statistics_slices");
    if (!status) status = ocl_step_constants(&op->steps[0], 4, 1, constants);
    if (!status)
        status = ocl_channels_merge(op->device, &op->steps[1], &plan, &ocl_batch_statistics_cl, "statistics_merge");
    return status ? status : ocl_step_constants(&op->steps[1], 6, 1, constants);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    const shunt_arg slices[] = {inputs[0], workspace}, merge[] = {workspace, outputs[0], outputs[1]};
    shunt_status status = ocl_step_run(&op->steps[0], queue, 2, slices);
    return status ? status : ocl_step_run(&op->steps[1], queue, 3, merge);
}

const ocl_algorithm ocl_batch_statistics = {
    .kind = SHUNT_OP_BATCH_STATISTICS, .name = "slices", .refuse = refuse, .prepare = prepare, .launch = launch};
