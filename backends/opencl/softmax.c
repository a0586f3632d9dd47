/* softmax.c - over the rows of a matrix. */
#include "kernels.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (desc->ninputs != 1) return "a wrong number of inputs";
    if (desc->flags) return "a flag that the op lacks";
    if (desc->inputs[0].rank != 2 || !ocl_same_desc(&desc->inputs[0], &desc->outputs[0]))
        return "tensors that are not both N C";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const size_t local = ocl_reduce_group(op->device, sizeof(float));
    const uint64_t items = (uint64_t)op->desc.inputs[0].dims[0] * local;
    const cl_int C = (cl_int)op->desc.inputs[0].dims[1];
    const ocl_constant constants[] = {{sizeof C, &C}};
    char options[OCL_OPTIONS_CHARS] = "";
    op->info.inplace_inputs = 1;
    op->info.flops *= 4;
    ocl_add_option(options, "-DWG=%zu", local);
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], &ocl_softmax_cl, options, "softmax", 1, &items, &local);
    if (status) return status;
    return ocl_step_constants(&op->steps[0], 4, 1, constants);
}

const ocl_algorithm ocl_softmax = {.kind = SHUNT_OP_SOFTMAX, .name = "rows", .refuse = refuse, .prepare = prepare};
