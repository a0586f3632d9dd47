/* batch_norm.c - batch normalisation with given statistics, optionally plus a residual and through ReLU, and its gradient. */
#include "channels.h"
#include "kernels.h"

/* Of the five inputs that both have, and perhaps one more like src. */
static const char *refuse_inputs(const shunt_op_desc *desc)
{
    if (desc->ninputs > 5 && !ocl_same_desc(&desc->inputs[5], &desc->inputs[0]))
        return "src and its residual or diff_dst of different shapes or layouts";
    if (!ocl_same_desc(&desc->inputs[0], &desc->outputs[0])) return "src and the result of different shapes or layouts";
    for (int i = 1; i < 5; i++)
        if (!ocl_per_channel(&desc->inputs[i], &desc->inputs[0]))
            return "a parameter that is not one number per channel";
    return ocl_channels_refuse(&desc->inputs[0]);
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (desc->flags & ~(uint32_t)(SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU)) return "a flag that the op lacks";
    return refuse_inputs(desc);
}

static shunt_status prepare(shunt_bop *op)
{
    const channel_plan plan = ocl_channels_plan(op->device, &op->desc.inputs[0]);
    const cl_int flags = (cl_int)op->desc.flags;
    const cl_float epsilon = op->desc.attr.batch_norm.epsilon;
    const ocl_constant constants[] = {
        {sizeof plan.dims, &plan.dims}, {sizeof flags, &flags}, {sizeof epsilon, &epsilon}};
    op->info.inplace_inputs = 1u << 0 | (op->desc.flags & SHUNT_FLAG_RESIDUAL ? 1u << 5 : 0);
    shunt_status status = ocl_channels_step(op->device, &op->steps[0], &plan, &ocl_batch_norm_cl, "batch_norm");
    return status ? status : ocl_step_constants(&op->steps[0], 14, 3, constants);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    (void)workspace;
    /* An absent residual is never read, but a kernel argument needs a buffer. */
    const shunt_arg residual = op->desc.flags & SHUNT_FLAG_RESIDUAL ? inputs[5] : inputs[0];
    const shunt_arg tensors[] = {inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], residual, outputs[0]};
    return ocl_step_run(&op->steps[0], queue, 7, tensors);
}

static const char *refuse_grad(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (desc->flags & ~(uint32_t)SHUNT_FLAG_RELU) return "a flag that the op lacks";
    const char *reason = refuse_inputs(desc);
    if (reason) return reason;
    for (int i = 1; i < 3; i++)
        if (!ocl_per_channel(&desc->outputs[i], &desc->inputs[0]))
            return "an output that is not one number per channel";
    return NULL;
}

enum { SLICES, MERGE, DIFF_SRC }; /* steps of the gradient */

/* A launch costs a GPU more than reading the slices' sums once in each group. */
static bool merges_itself(const ocl_device *device)
{
    return !ocl_is_cpu(device);
}

static shunt_status prepare_grad(shunt_bop *op)
{
    channel_plan plan = ocl_channels_plan(op->device, &op->desc.inputs[0]);
    const cl_int flags = (cl_int)op->desc.flags;
    const cl_float epsilon = op->desc.attr.batch_norm.epsilon;
    const ocl_constant constants[] = {
        {sizeof plan.dims, &plan.dims}, {sizeof flags, &flags}, {sizeof epsilon, &epsilon}};
    const ocl_source *source = &ocl_batch_norm_grad_cl;
    op->info.inplace_inputs = 1u << 0 | 1u << 5;
    op->info.workspace = plan.partial;
    if (merges_itself(op->device)) ocl_add_option(plan.options, " -DMERGES");
    shunt_status status = ocl_channels_step(op->device, &op->steps[SLICES], &plan, source, "grad_slices");
    if (!status) status = ocl_step_constants(&op->steps[SLICES], 14, 3, constants);
    if (!status) status = ocl_channels_step(op->device, &op->steps[DIFF_SRC], &plan, source, "grad_src");
    if (!status) status = ocl_step_constants(&op->steps[DIFF_SRC], 20, 3, constants);
    if (status || merges_itself(op->device)) return status;
    status = ocl_channels_merge(op->device, &op->steps[MERGE], &plan, source, "grad_merge");
    return status ? status : ocl_step_constants(&op->steps[MERGE], 6, 1, constants);
}

static shunt_status launch_grad(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                                shunt_arg workspace)
{
    shunt_arg tensors[10], merge[] = {workspace, outputs[1], outputs[2]};
    for (int i = 0; i < 6; i++) tensors[i] = inputs[i];
    tensors[6] = workspace;
    shunt_status status = ocl_step_run(&op->steps[SLICES], queue, 7, tensors);
    if (!status && !merges_itself(op->device)) status = ocl_step_run(&op->steps[MERGE], queue, 3, merge);
    for (int i = 0; i < 3; i++) tensors[6 + i] = outputs[i];
    tensors[9] = workspace;
    return status ? status : ocl_step_run(&op->steps[DIFF_SRC], queue, 10, tensors);
}

const ocl_algorithm ocl_batch_norm = {
    .kind = SHUNT_OP_BATCH_NORM, .name = "direct", .refuse = refuse, .prepare = prepare, .launch = launch};
const ocl_algorithm ocl_batch_norm_grad = {.kind = SHUNT_OP_BATCH_NORM_GRAD,
                                           .name = "slices",
                                           .refuse = refuse_grad,
                                           .prepare = prepare_grad,
                                           .launch = launch_grad};
