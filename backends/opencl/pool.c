/* pool.c - maximum and mean over windows, and their gradients. */
#include "kernels.h"

#include <string.h>

/* The same fields as in pool.cl. */
typedef struct pool_dims {
    cl_int C, H, W, P, Q;
    cl_int window[2], stride[2], pad[2], count_padding;
} pool_dims;

/* Of the forward op: its src and dst, or their gradients. */
static const char *refuse_tensors(const shunt_op_desc *desc, const shunt_tensor_desc *src, const shunt_tensor_desc *dst)
{
    const shunt_pool_attr *attr = &desc->attr.pool;
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

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    return refuse_tensors(desc, &desc->inputs[0], &desc->outputs[0]);
}

static const char *refuse_max_grad(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (!ocl_same_desc(&desc->inputs[0], &desc->outputs[0])) return "src and diff_src of different shapes or layouts";
    if (ocl_inner_count(&desc->inputs[0], 2) > INT32_MAX) return "more than 2^31 - 1 pixels in an image";
    return refuse_tensors(desc, &desc->inputs[0], &desc->inputs[1]);
}

static const char *refuse_avg_grad(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    return refuse_tensors(desc, &desc->outputs[0], &desc->inputs[0]);
}

/* A step whose result has the shape of `made`; src and dst are those of the forward op. */
static shunt_status make_step(shunt_bop *op, ocl_step *step, const char *kernel, cl_uint ntensors,
                              const shunt_tensor_desc *src, const shunt_tensor_desc *dst, const shunt_tensor_desc *made)
{
    const shunt_pool_attr *attr = &op->desc.attr.pool;
    const bool maximum = op->desc.kind == SHUNT_OP_MAX_POOL || op->desc.kind == SHUNT_OP_MAX_POOL_GRAD;
    char options[OCL_OPTIONS_CHARS];
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
    cl_int run;
    const cl_ulong pieces = ocl_pieces(op->device, made, made->dims[3], &run);
    const ocl_constant constants[] = {{sizeof pieces, &pieces}, {sizeof run, &run}, {sizeof dims, &dims}};
    ocl_block_options(op->device, shunt_tensor_block(src), options);
    if (maximum) ocl_add_option(options, " -DMAX");
    if (strcmp(kernel, "pool") != 0) ocl_add_option(options, " -DGRADIENT");
    shunt_status status = ocl_step_create_flat(op->device, step, &ocl_pool_cl, options, kernel, pieces);
    return status ? status : ocl_step_constants(step, 2 * ntensors, 3, constants);
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0], *dst = &op->desc.outputs[0];
    return make_step(op, &op->steps[0], "pool", 2, src, dst, dst);
}

static shunt_status prepare_max_grad(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0], *dst = &op->desc.inputs[1];
    op->info.workspace = shunt_tensor_storage(dst) * sizeof(cl_int);
    shunt_status status = make_step(op, &op->steps[0], "pool_places", 2, src, dst, dst);
    return status ? status : make_step(op, &op->steps[1], "pool_grad", 3, src, dst, src);
}

static shunt_status launch_max_grad(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs,
                                    const shunt_arg *outputs, shunt_arg workspace)
{
    const shunt_arg find[] = {inputs[0], workspace}, give[] = {workspace, inputs[1], outputs[0]};
    shunt_status status = ocl_step_run(&op->steps[0], queue, 2, find);
    return status ? status : ocl_step_run(&op->steps[1], queue, 3, give);
}

static shunt_status prepare_avg_grad(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.outputs[0], *dst = &op->desc.inputs[0];
    return make_step(op, &op->steps[0], "pool_grad", 3, src, dst, src);
}

static shunt_status launch_avg_grad(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs,
                                    const shunt_arg *outputs, shunt_arg workspace)
{
    (void)workspace;
    const shunt_arg give[] = {inputs[0], inputs[0], outputs[0]};
    return ocl_step_run(&op->steps[0], queue, 3, give);
}

const ocl_algorithm ocl_max_pool = {.kind = SHUNT_OP_MAX_POOL, .name = "direct", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_avg_pool = {.kind = SHUNT_OP_AVG_POOL, .name = "direct", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_max_pool_grad = {.kind = SHUNT_OP_MAX_POOL_GRAD,
                                         .name = "gather",
                                         .refuse = refuse_max_grad,
                                         .prepare = prepare_max_grad,
                                         .launch = launch_max_grad};
const ocl_algorithm ocl_avg_pool_grad = {.kind = SHUNT_OP_AVG_POOL_GRAD,
                                         .name = "gather",
                                         .refuse = refuse_avg_grad,
                                         .prepare = prepare_avg_grad,
                                         .launch = launch_avg_grad};
