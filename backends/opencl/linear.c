/* linear.c - a fully connected layer: a matrix product whose weights are read once for a few rows. */
#include "kernels.h"

enum { ROWS = 8 };

const char *ocl_linear_refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *src = &desc->inputs[0], *weights = &desc->inputs[1], *dst = &desc->outputs[0];
    const bool bias = desc->flags & SHUNT_FLAG_BIAS;
    if (desc->flags & SHUNT_FLAG_RESIDUAL) return "a flag that the op lacks";
    if (src->rank != 2 || weights->rank != 2 || dst->rank != 2) return "tensors that are not matrices";
    if (src->dims[0] != dst->dims[0] || src->dims[1] != weights->dims[1] || weights->dims[0] != dst->dims[1])
        return "matrices whose sizes do not fit each other";
    if (bias && (desc->inputs[2].rank != 1 || desc->inputs[2].dims[0] != dst->dims[1])) return "a bias that is not (K)";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_op_desc *desc = &op->desc;
    const cl_int N = (cl_int)desc->inputs[0].dims[0], C = (cl_int)desc->inputs[0].dims[1];
    const cl_int K = (cl_int)desc->outputs[0].dims[1], flags = (cl_int)desc->flags;
    const cl_int rows = N < ROWS ? N : ROWS;
    const uint32_t lanes = ocl_lanes(op->device, 16);
    const size_t local[] = {ocl_reduce_group(op->device, ROWS * sizeof(float)), 1};
    const uint64_t items[] = {(uint64_t)K * local[0], (uint64_t)(N + rows - 1) / (uint64_t)rows};
    const ocl_constant constants[] = {{sizeof N, &N}, {sizeof C, &C}, {sizeof K, &K}, {sizeof flags, &flags}};
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DB=%u -DV=%u -DWG=%zu -DROWS=%d", lanes, lanes, local[0], rows);
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], &ocl_linear_cl, options, "linear", 2, items, local);
    if (status) return status;
    return ocl_step_constants(&op->steps[0], 8, 4, constants);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    (void)workspace;
    /* An absent bias is never read, but a kernel argument needs a buffer. */
    const shunt_arg tensors[] = {inputs[0], inputs[1], op->desc.flags & SHUNT_FLAG_BIAS ? inputs[2] : inputs[0],
                                 outputs[0]};
    return ocl_step_run(&op->steps[0], queue, 4, tensors);
}

const ocl_algorithm ocl_linear = {
    .kind = SHUNT_OP_LINEAR, .name = "rows", .refuse = ocl_linear_refuse, .prepare = prepare, .launch = launch};
