/* broadcast.c - addition and multiplication of tensors that are repeated along their axes of 1. */
#include "axes.h"
#include "kernels.h"
#include "rows.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *dst = &desc->outputs[0];
    if (!(desc->flags & SHUNT_FLAG_BROADCAST)) return "tensors of one shape";
    for (uint32_t i = 0; i < dst->rank && i < desc->inputs[0].rank && i < desc->inputs[1].rank; i++)
        if (desc->inputs[0].dims[i] != dst->dims[i] && desc->inputs[1].dims[i] != dst->dims[i])
            return "dst is longer than both of its inputs";
    for (uint32_t i = 0; i < desc->ninputs; i++) {
        const char *reason = ocl_axes_refuse(dst, &desc->inputs[i]);
        if (reason) return reason;
    }
    const ocl_axes axes = ocl_axes_of(dst, &desc->inputs[0], &desc->inputs[1]);
    for (uint32_t i = 0; i < axes.rank; i++)
        if (axes.dims[i] > INT32_MAX) return "more than 2^31 - 1 elements along an axis";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *dst = &op->desc.outputs[0];
    const ocl_axes axes = ocl_axes_of(dst, &op->desc.inputs[0], &op->desc.inputs[1]);
    shunt_tensor_desc rows = {.dtype = dst->dtype, .rank = (uint8_t)axes.rank, .block = SHUNT_PLAIN};
    cl_long8 steps[2] = {{{0}}, {{0}}};
    for (uint32_t i = 0; i < axes.rank; i++) {
        rows.dims[i] = axes.dims[i];
        for (int t = 0; t < 2; t++) steps[t].s[i] = axes.steps[t][i];
    }
    for (uint32_t i = 0; i < op->desc.ninputs; i++)
        if (shunt_tensor_count(&op->desc.inputs[i]) == shunt_tensor_count(dst)) op->info.inplace_inputs |= 1u << i;
    const cl_int8 dims = ocl_row_dims(&rows);
    const cl_int run = ocl_row_run(op->device, (uint64_t)rows.dims[rows.rank - 1]), flags = (cl_int)op->desc.flags;
    const uint64_t width = (uint64_t)rows.dims[rows.rank - 1];
    const cl_ulong pieces = shunt_tensor_count(&rows) / width * ((width + (uint64_t)run - 1) / (uint64_t)run);
    const ocl_constant constants[] = {{sizeof pieces, &pieces}, {sizeof run, &run},         {sizeof dims, &dims},
                                      {sizeof *steps, steps},   {sizeof *steps, steps + 1}, {sizeof flags, &flags}};
    const bool product = op->desc.kind == SHUNT_OP_MUL;
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DWG=%zu -DRANK=%u", ocl_group(op->device), axes.rank);
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[0], &ocl_broadcast_cl, options,
                                               product ? "mul_broadcast" : "add_broadcast", pieces);
    return status ? status : ocl_step_constants(&op->steps[0], 6, product ? 5 : 6, constants);
}

const ocl_algorithm ocl_add_broadcast = {
    .kind = SHUNT_OP_ADD, .name = "broadcast", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_mul_broadcast = {
    .kind = SHUNT_OP_MUL, .name = "broadcast", .refuse = refuse, .prepare = prepare};
