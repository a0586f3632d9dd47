/* linear.c - a fully connected layer: a matrix product whose weights are read once for a few rows. */
#include "conv.h"

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

/* Weights of the type of 16-bit src. */
static shunt_status make_pack(shunt_bop *op, const char *options, size_t local)
{
    const shunt_tensor_desc *weights = &op->desc.inputs[1];
    const cl_ulong count = shunt_tensor_count(weights);
    const ocl_constant constants[] = {{sizeof count, &count}};
    shunt_status status =
        ocl_step_create(op->device, &op->pack, &ocl_linear_cl, options, "linear_pack", 1, &count, &local);
    if (!status) status = ocl_step_constants(&op->pack, 4, 1, constants);
    if (status) return status;
    ocl_conv_packed(op, "plain", count * shunt_dtype_bytes(op->desc.inputs[0].dtype));
    return SHUNT_OK;
}

static bool is_packed(const shunt_bop *op)
{
    return op->desc.inputs[0].dtype != SHUNT_F32;
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
    if (!status) status = ocl_step_constants(&op->steps[0], 8, 4, constants);
    return status || !is_packed(op) ? status : make_pack(op, options, local[0]);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    /* An absent bias is never read, but a kernel argument needs a buffer. */
    const shunt_arg weights = is_packed(op) ? ocl_conv_packed_arg(op, inputs, workspace) : inputs[1];
    const shunt_arg tensors[] = {inputs[0], weights, op->desc.flags & SHUNT_FLAG_BIAS ? inputs[2] : inputs[0],
                                 outputs[0]};
    shunt_status status = is_packed(op) ? ocl_conv_pack(op, &op->pack, queue, inputs, workspace) : SHUNT_OK;
    return status ? status : ocl_step_run(&op->steps[0], queue, 4, tensors);
}

const ocl_algorithm ocl_linear = {
    .kind = SHUNT_OP_LINEAR, .name = "rows", .refuse = ocl_linear_refuse, .prepare = prepare, .launch = launch};
