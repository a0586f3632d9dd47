/* pool.c - maximum and mean over windows. */
#include "kernels.h"

/* The same fields as in pool.cl. */
typedef struct pool_dims {
    cl_int C, H, W, P, Q;
    cl_int window[2], stride[2], pad[2], count_padding;
} pool_dims;

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    const shunt_pool_attr *attr = &desc->attr.pool;
    if (desc->ninputs != 1) return "a wrong number of inputs";
    if (desc->flags) return "a flag that the op lacks";
    if (src->rank != 4 || dst->rank != 4) return "tensors that are not N C H W";
    if (shunt_tensor_block(src) != shunt_tensor_block(dst)) return "src and dst of different layouts";
    if (src->dims[0] != dst->dims[0] || src->dims[1] != dst->dims[1])
        return "src and dst of different channels or images";
    for (int i = 0; i < 2; i++) {
        if (attr->window[i] < 1) return "a window below 1";
        if (!ocl_window_fits(src->dims[2 + i], dst->dims[2 + i], attr->window[i], attr->stride[i], 1,
                             attr->pad_before[i], attr->pad_after[i]))
            return "dst is not of the size that window, stride and padding give";
    }
    return NULL;
}

static shunt_status prepare_with(shunt_bop *op, const char *option)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0], *dst = &op->desc.outputs[0];
    const shunt_pool_attr *attr = &op->desc.attr.pool;
    char options[OCL_OPTIONS_CHARS];
    const int64_t block = shunt_tensor_block(src);
    const pool_dims dims = {
        .C = (cl_int)src->dims[1],
        .H = (cl_int)src->dims[2],
        .W = (cl_int)src->dims[3],
        .P = (cl_int)dst->dims[2],
        .Q = (cl_int)dst->dims[3],
        .window = {attr->window[0], attr->window[1]},
        .stride = {attr->stride[0], attr->stride[1]},
        .pad = {attr->pad_before[0], attr->pad_before[1]},
        .count_padding = attr->count_padding,
    };
    cl_ulong vectors = shunt_tensor_storage(dst) / ocl_lanes(op->device, block);
    const ocl_constant constants[] = {{sizeof vectors, &vectors}, {sizeof dims, &dims}};
    op->info.flops *= (uint64_t)attr->window[0] * (uint64_t)attr->window[1];
    ocl_block_options(op->device, block, options);
    ocl_add_option(options, "%s", option);
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[0], &ocl_pool_cl, options, "pool", vectors);
    if (status) return status;
    return ocl_step_constants(&op->steps[0], 4, 2, constants);
}

static shunt_status prepare_max(shunt_bop *op)
{
    return prepare_with(op, " -DMAX");
}

static shunt_status prepare_avg(shunt_bop *op)
{
    return prepare_with(op, "");
}

const ocl_algorithm ocl_max_pool = {
    .kind = SHUNT_OP_MAX_POOL, .name = "direct", .refuse = refuse, .prepare = prepare_max};
const ocl_algorithm ocl_avg_pool = {
    .kind = SHUNT_OP_AVG_POOL, .name = "direct", .refuse = refuse, .prepare = prepare_avg};
