/* count_nonfinite.c - counts what is infinite or NaN, slice by slice. */
#include "opencl.h"
#include "kernels.h"

enum { LANES_BLOCK = 16, LEAST_SLICE = 16384, MOST_SLICES = 1024 };

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (desc->inputs[0].block != SHUNT_PLAIN) return "a layout other than plain";
    if (shunt_tensor_count(&desc->outputs[0]) != 1) return "a dst that is not one number";
    if (desc->ninputs > 1 && shunt_tensor_count(&desc->inputs[1]) != 1) return "a residual that is not one number";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const size_t local = ocl_reduce_group(op->device, sizeof(cl_ulong));
    const uint32_t lanes = ocl_lanes(op->device, LANES_BLOCK);
    const cl_ulong count = shunt_tensor_count(&op->desc.inputs[0]), step = local * lanes;
    const cl_ulong even = (count + MOST_SLICES - 1) / MOST_SLICES;
    const cl_ulong slice = ((even > LEAST_SLICE ? even : LEAST_SLICE) + step - 1) / step * step;
    const cl_ulong slices = (count + slice - 1) / slice;
    const cl_int flags = (cl_int)op->desc.flags;
    const uint64_t items[] = {slices * local, local};
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DB=%d -DV=%u -DWG=%zu -DRUN=1", LANES_BLOCK, lanes, local);
    op->info.workspace = slices * sizeof(cl_ulong);
    const ocl_constant of_slices[] = {{sizeof count, &count}, {sizeof slice, &slice}};
    const ocl_constant of_merge[] = {{sizeof slices, &slices}, {sizeof flags, &flags}};
    const ocl_source *source = &ocl_count_nonfinite_cl;
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], source, options, "count_slices", 1, &items[0], &local);
    if (!status) status = ocl_step_constants(&op->steps[0], 4, 2, of_slices);
    if (!status)
        status = ocl_step_create(op->device, &op->steps[1], source, options, "count_merge", 1, &items[1], &local);
    return status ? status : ocl_step_constants(&op->steps[1], 6, 2, of_merge);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    /* An absent residual is never read, but a kernel argument needs a buffer. */
    const shunt_arg residual = op->desc.flags & SHUNT_FLAG_RESIDUAL ? inputs[1] : inputs[0];
    const shunt_arg slices[] = {inputs[0], workspace}, merge[] = {workspace, residual, outputs[0]};
    shunt_status status = ocl_step_run(&op->steps[0], queue, 2, slices);
    return status ? status : ocl_step_run(&op->steps[1], queue, 3, merge);
}

const ocl_algorithm ocl_count_nonfinite = {
    .kind = SHUNT_OP_COUNT_NONFINITE, .name = "slices", .refuse = refuse, .prepare = prepare, .launch = launch};
