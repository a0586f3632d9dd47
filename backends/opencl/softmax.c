/* softmax.c - over the rows of a matrix, its logarithm, and the cross-entropy of a softmax with its gradient. */
#include "kernels.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (desc->flags) return "a flag that the op lacks";
    if (desc->inputs[0].rank != 2 || !ocl_same_desc(&desc->inputs[0], &desc->outputs[0]))
        return "tensors that are not both N C";
    return NULL;
}

/* A group for each row of input 0. */
static shunt_status prepare_rows(shunt_bop *op, const char *kernel, cl_uint ntensors)
{
    const size_t local = ocl_reduce_group(op->device, sizeof(float));
    const uint64_t items = (uint64_t)op->desc.inputs[0].dims[0] * local;
    const cl_int C = (cl_int)op->desc.inputs[0].dims[1];
    const ocl_constant constants[] = {{sizeof C, &C}};
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DWG=%zu", local);
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], &ocl_softmax_cl, options, kernel, 1, &items, &local);
    if (status) return status;
    return ocl_step_constants(&op->steps[0], 2 * ntensors, 1, constants);
}

static shunt_status prepare(shunt_bop *op)
{
    op->info.inplace_inputs = 1;
    return prepare_rows(op, op->desc.kind == SHUNT_OP_SOFTMAX ? "softmax" : "log_softmax", 2);
}

static const char *refuse_cross_entropy(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *logits = &desc->inputs[0], *labels = &desc->inputs[1];
    const float smoothing = desc->attr.cross_entropy.smoothing;
    if (desc->flags) return "a flag that the op lacks";
    if (logits->rank != 2 || !ocl_same_desc(logits, &desc->outputs[1])) return "logits and diff_logits not both N C";
    if (labels->rank != 1 || labels->dims[0] != logits->dims[0] || !ocl_same_desc(labels, &desc->outputs[0]))
        return "labels and losses that are not one number per row";
    return smoothing >= 0 && smoothing <= 1 ? NULL : "a smoothing that is not in 0 .. 1";
}

static shunt_status prepare_cross_entropy(shunt_bop *op)
{
    const cl_float smoothing = op->desc.attr.cross_entropy.smoothing;
    const ocl_constant constants[] = {{sizeof smoothing, &smoothing}};
    shunt_status status = prepare_rows(op, "cross_entropy", 4);
    return status ? status : ocl_step_constants(&op->steps[0], 9, 1, constants);
}

const ocl_algorithm ocl_log_softmax = {
    .kind = SHUNT_OP_LOG_SOFTMAX, .name = "rows", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_softmax = {.kind = SHUNT_OP_SOFTMAX, .name = "rows", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_cross_entropy = {
    .kind = SHUNT_OP_CROSS_ENTROPY, .name = "rows", .refuse = refuse_cross_entropy, .prepare = prepare_cross_entropy};
