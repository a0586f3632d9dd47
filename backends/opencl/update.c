/* update.c - what a training step does to parameters: stochastic gradient descent, moving averages, groups that shrink; and to the sums of
 * a step that is made of several runs. */
#include "flat.h"
#include "kernels.h"

/* What a flag adds has to be one number. */
static const char *refuse_number(const shunt_op_desc *desc, uint32_t flag)
{
    if (!(desc->flags & flag)) return NULL;
    const uint32_t input = shunt_op_flag_input(desc->kind, desc->flags, flag);
    return shunt_tensor_count(&desc->inputs[input]) == 1 ? NULL : "a scale or skip that is not one number";
}

static const char *refuse_sgd(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *weights = &desc->inputs[0], *rate = &desc->inputs[3];
    if (!ocl_same_desc(&desc->inputs[1], weights) || !ocl_same_desc(&desc->inputs[2], weights) ||
        !ocl_same_desc(&desc->outputs[0], weights) || !ocl_same_desc(&desc->outputs[1], weights))
        return "tensors of different shapes or layouts";
    if (shunt_tensor_count(rate) != 1) return "a rate that is not one number";
    if (desc->flags & SHUNT_FLAG_LARS && shunt_tensor_count(&desc->inputs[desc->ninputs - 1]) != 2)
        return "squares that are not two numbers";
    const char *reason = refuse_number(desc, SHUNT_FLAG_SCALE);
    return reason ? reason : refuse_number(desc, SHUNT_FLAG_SKIP);
}

/* Constants come after the tensors. */
static cl_uint first_constant(const shunt_op_desc *desc)
{
    return 2 * (desc->ninputs + desc->noutputs);
}

static shunt_status prepare_sgd(shunt_bop *op)
{
    const cl_ulong count = shunt_tensor_storage(&op->desc.inputs[0]);
    const shunt_sgd_attr *attr = &op->desc.attr.sgd;
    const cl_float momentum = attr->momentum, weight_decay = attr->weight_decay, trust = attr->trust;
    char option[OCL_OPTIONS_CHARS] = "";
    if (op->desc.flags & SHUNT_FLAG_NESTEROV) ocl_add_option(option, " -DNESTEROV");
    if (op->desc.flags & SHUNT_FLAG_SCALE) ocl_add_option(option, " -DSCALED");
    if (op->desc.flags & SHUNT_FLAG_SKIP) ocl_add_option(option, " -DSKIPPED");
    if (op->desc.flags & SHUNT_FLAG_LARS) ocl_add_option(option, " -DLARS");
    const ocl_constant constants[] = {{sizeof count, &count},
                                      {sizeof momentum, &momentum},
                                      {sizeof weight_decay, &weight_decay},
                                      {sizeof trust, &trust}};
    shunt_status status = ocl_flat_step(op->device, &op->steps[0], &op->desc.inputs[0], &ocl_update_cl, option, "sgd");
    return status ? status : ocl_step_constants(&op->steps[0], first_constant(&op->desc), 4, constants);
}

static const char *refuse_average(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (!ocl_same_desc(&desc->inputs[1], &desc->inputs[0]) || !ocl_same_desc(&desc->outputs[0], &desc->inputs[0]))
        return "tensors of different shapes or layouts";
    return refuse_number(desc, SHUNT_FLAG_SKIP);
}

static shunt_status prepare_average(shunt_bop *op)
{
    const cl_ulong count = shunt_tensor_storage(&op->desc.inputs[0]);
    const cl_float rate = op->desc.attr.moving_average.rate, scale = op->desc.attr.moving_average.scale;
    const ocl_constant constants[] = {{sizeof count, &count}, {sizeof rate, &rate}, {sizeof scale, &scale}};
    const char *option = op->desc.flags & SHUNT_FLAG_SKIP ? " -DSKIPPED" : "";
    shunt_status status =
        ocl_flat_step(op->device, &op->steps[0], &op->desc.inputs[0], &ocl_update_cl, option, "moving_average");
    return status ? status : ocl_step_constants(&op->steps[0], first_constant(&op->desc), 3, constants);
}

static const char *refuse_shrink(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *scale = &desc->inputs[0];
    if (!ocl_same_desc(&desc->inputs[1], scale) || !ocl_same_desc(&desc->outputs[0], scale) ||
        !ocl_same_desc(&desc->outputs[1], scale))
        return "tensors of different shapes or layouts";
    if (scale->rank != 1) return "a scale that is not a vector";
    if (shunt_tensor_count(&desc->inputs[2]) != 1) return "a threshold that is not one number";
    return refuse_number(desc, SHUNT_FLAG_SKIP);
}

static shunt_status prepare_shrink(shunt_bop *op)
{
    const cl_int count = (cl_int)op->desc.inputs[0].dims[0];
    const size_t local = ocl_reduce_group(op->device, sizeof(cl_float));
    const uint64_t items = local;
    const ocl_constant constants[] = {{sizeof count, &count}};
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DB=1 -DV=1 -DRUN=1 -DWG=%zu%s", local,
                   op->desc.flags & SHUNT_FLAG_SKIP ? " -DSKIPPED" : "");
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], &ocl_update_cl, options, "shrink", 1, &items, &local);
    return status ? status : ocl_step_constants(&op->steps[0], first_constant(&op->desc), 1, constants);
}

static const char *refuse_accumulate(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (!ocl_same_desc(&desc->inputs[1], &desc->inputs[0]) || !ocl_same_desc(&desc->outputs[0], &desc->inputs[0]))
        return "tensors of different shapes or layouts";
    return shunt_tensor_count(&desc->inputs[2]) == 2 ? NULL : "factors that are not two numbers";
}

static shunt_status prepare_accumulate(shunt_bop *op)
{
    const cl_ulong count = shunt_tensor_storage(&op->desc.inputs[0]);
    const ocl_constant constants[] = {{sizeof count, &count}};
    shunt_status status =
        ocl_flat_step(op->device, &op->steps[0], &op->desc.inputs[0], &ocl_update_cl, "", "accumulate");
    return status ? status : ocl_step_constants(&op->steps[0], first_constant(&op->desc), 1, constants);
}

const ocl_algorithm ocl_sgd = {.kind = SHUNT_OP_SGD, .name = "flat", .refuse = refuse_sgd, .prepare = prepare_sgd};
const ocl_algorithm ocl_moving_average = {
    .kind = SHUNT_OP_MOVING_AVERAGE, .name = "flat", .refuse = refuse_average, .prepare = prepare_average};
const ocl_algorithm ocl_shrink = {
    .kind = SHUNT_OP_SHRINK, .name = "group", .refuse = refuse_shrink, .prepare = prepare_shrink};
const ocl_algorithm ocl_accumulate = {
    .kind = SHUNT_OP_ACCUMULATE, .name = "flat", .refuse = refuse_accumulate, .prepare = prepare_accumulate};
