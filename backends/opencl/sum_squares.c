/* sum_squares.c - adds up the squares of two tensors, slice by slice. */
#include "opencl.h"
#include "kernels.h"

enum { LANES_BLOCK = 16, LEAST_SLICE = 16384, MOST_SLICES = 1024 };

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (desc->inputs[0].block != SHUNT_PLAIN || !ocl_same_desc(&desc->inputs[1], &desc->inputs[0]))
        return "tensors of different shapes, or of a layout other than plain";
    return shunt_tensor_count(&desc->outputs[0]) == 2 ? NULL : "a dst that is not two numbers";
}

static shunt_status prepare(shunt_bop *op)
{
    const size_t local[] = {ocl_reduce_group(op->device, sizeof(cl_float)), 1};
    const uint32_t lanes = ocl_lanes(op->device, LANES_BLOCK);
    const cl_ulong count = shunt_tensor_count(&op->desc.inputs[0]), step = local[0] * lanes;
    const cl_ulong even = (count + MOST_SLICES - 1) / MOST_SLICES;
    const cl_ulong slice = ((even > LEAST_SLICE ? even : LEAST_SLICE) + step - 1) / step * step;
    const cl_ulong slices = (count + slice - 1) / slice;
    const uint64_t items[] = {slices * local[0], 2}, merging[] = {local[0], 2};
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DB=%d -DV=%u -DWG=%zu -DRUN=1", LANES_BLOCK, lanes, local[0]);
    op->info.workspace = 2 * slices * sizeof(cl_float);
    const ocl_constant of_slices[] = {{sizeof count, &count}, {sizeof slice, &slice}};
    const ocl_constant of_merge[] = {{sizeof slices, &slices}};
    const ocl_source *source = &ocl_sum_squares_cl;
    shunt_status status = ocl_step_create(op->device, &op->steps[0], source, options, "square_slices", 2, items, local);
    if (!status) status = ocl_step_constants(&op->steps[0], 6, 2, of_slices);
    if (!status)
        status = ocl_step_create(op->device, &op->steps[1], source, options, "square_merge", 2, merging, local);
    return status ? status : ocl_step_constants(&op->steps[1], 4, 1, of_merge);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    const shunt_arg slices[] = {inputs[0], inputs[1], workspace}, merge[] = {workspace, outputs[0]};
    shunt_status status = ocl_step_run(&op->steps[0], queue, 3, slices);
    return status ? status : ocl_step_run(&op->steps[1], queue, 2, merge);
}

const ocl_algorithm ocl_sum_squares = {
    .kind = SHUNT_OP_SUM_SQUARES, .name = "slices", .refuse = refuse, .prepare = prepare, .launch = launch};
