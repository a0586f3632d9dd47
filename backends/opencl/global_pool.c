/* global_pool.c - the mean over all pixels, and its gradient. */
#include "kernels.h"

static const char *refuse_tensors(const shunt_op_desc *desc, const shunt_tensor_desc *src, const shunt_tensor_desc *dst)
{
    if (desc->flags) return "a flag that the op lacks";
    if (src->rank != 4 || dst->rank != 2) return "src that is not N C H W, or dst that is not N C";
    if (src->dims[0] != dst->dims[0] || src->dims[1] != dst->dims[1])
        return "src and dst of different channels or images";
    if (ocl_inner_count(src, 2) > INT32_MAX) return "more than 2^31 - 1 pixels in an image";
    return NULL;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    return refuse_tensors(desc, &desc->inputs[0], &desc->outputs[0]);
}

static const char *refuse_grad(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    return refuse_tensors(desc, &desc->outputs[0], &desc->inputs[0]);
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0];
    const int64_t block = shunt_tensor_block(src);
    const uint32_t lanes = ocl_lanes(op->device, block);
    const size_t local = ocl_reduce_group(op->device, lanes * sizeof(float));
    const cl_int C = (cl_int)src->dims[1], pixels = (cl_int)ocl_inner_count(src, 2);
    const uint64_t items = shunt_tensor_storage(src) / (uint64_t)pixels / lanes * local;
    const ocl_constant constants[] = {{sizeof C, &C}, {sizeof pixels, &pixels}};
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DB=%lld -DV=%u -DWG=%zu", (long long)block, lanes, local);
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], &ocl_global_pool_cl, options, "global_pool", 1, &items, &local);
    if (status) return status;
    return ocl_step_constants(&op->steps[0], 4, 2, constants);
}

static shunt_status prepare_grad(shunt_bop *op)
{
    const shunt_tensor_desc *diff_src = &op->desc.outputs[0];
    const int64_t block = shunt_tensor_block(diff_src), pixels = ocl_inner_count(diff_src, 2);
    const cl_int C = (cl_int)diff_src->dims[1], H = (cl_int)pixels;
    cl_int run;
    const cl_ulong pieces = ocl_pieces(op->device, diff_src, pixels, &run);
    const ocl_constant constants[] = {{sizeof pieces, &pieces}, {sizeof run, &run}, {sizeof C, &C}, {sizeof H, &H}};
    char options[OCL_OPTIONS_CHARS];
    ocl_block_options(op->device, block, options);
    ocl_add_option(options, " -DGRADIENT");
    shunt_status status =
        ocl_step_create_flat(op->device, &op->steps[0], &ocl_global_pool_cl, options, "global_pool_grad", pieces);
    return status ? status : ocl_step_constants(&op->steps[0], 4, 4, constants);
}

const ocl_algorithm ocl_global_pool = {
    .kind = SHUNT_OP_GLOBAL_POOL, .name = "tree", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_global_pool_grad = {
    .kind = SHUNT_OP_GLOBAL_POOL_GRAD, .name = "direct", .refuse = refuse_grad, .prepare = prepare_grad};
