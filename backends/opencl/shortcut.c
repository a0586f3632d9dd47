/* shortcut.c - the paper's option A: a strided identity with zero channels; and its gradient. */
#include "kernels.h"

/* Of the forward op: its src and dst, or their gradients. */
static const char *refuse_tensors(const shunt_op_desc *desc, const shunt_tensor_desc *src, const shunt_tensor_desc *dst)
{
    const shunt_shortcut_attr *attr = &desc->attr.shortcut;
    if (desc->flags) return "a flag that the op lacks";
    if (src->rank != 4 || dst->rank != 4) return "tensors that are not N C H W";
    if (src->block == SHUNT_CHANNELS_LAST || dst->block == SHUNT_CHANNELS_LAST) return "channels last";
    if (src->dims[0] != dst->dims[0]) return "src and dst of different images";
    if (attr->stride < 1 || attr->lead < 0) return "a stride below 1 or a negative lead";
    if (src->dims[1] + attr->lead > dst->dims[1]) return "dst of too few channels";
    for (int i = 2; i < 4; i++)
        if (dst->dims[i] != (src->dims[i] - 1) / attr->stride + 1)
            return "dst is not of the size that src and stride give";
    return NULL;
}

/* A vector of the result is made of two of what is read. */
static const char *refuse_blocks(const ocl_device *device, const shunt_op_desc *desc)
{
    const uint32_t lanes = ocl_lanes(device, shunt_tensor_block(&desc->outputs[0]));
    return shunt_tensor_block(&desc->inputs[0]) % lanes ? "blocks without common vectors" : NULL;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const char *reason = refuse_tensors(desc, &desc->inputs[0], &desc->outputs[0]);
    return reason ? reason : refuse_blocks(device, desc);
}

static const char *refuse_grad(const ocl_device *device, const shunt_op_desc *desc)
{
    const char *reason = refuse_tensors(desc, &desc->outputs[0], &desc->inputs[0]);
    return reason ? reason : refuse_blocks(device, desc);
}

static shunt_status prepare_tensors(shunt_bop *op, const char *kernel, const shunt_tensor_desc *src,
                                    const shunt_tensor_desc *dst)
{
    const shunt_tensor_desc *made = &op->desc.outputs[0], *read = &op->desc.inputs[0];
    const shunt_shortcut_attr *attr = &op->desc.attr.shortcut;
    cl_int run;
    const cl_ulong pieces = ocl_pieces(op->device, made, made->dims[3], &run);
    const cl_int dims[] = {run,
                           (cl_int)src->dims[1],
                           (cl_int)src->dims[2],
                           (cl_int)src->dims[3],
                           (cl_int)dst->dims[1],
                           (cl_int)dst->dims[2],
                           (cl_int)dst->dims[3],
                           attr->stride,
                           attr->lead};
    enum { NDIMS = sizeof dims / sizeof *dims };
    ocl_constant constants[1 + NDIMS] = {{sizeof pieces, &pieces}};
    for (int i = 0; i < NDIMS; i++) constants[1 + i] = (ocl_constant){sizeof dims[i], &dims[i]};
    char options[OCL_OPTIONS_CHARS];
    ocl_block_options(op->device, shunt_tensor_block(made), options);
    ocl_add_option(options, " -DSB=%lld", (long long)shunt_tensor_block(read));
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[0], &ocl_shortcut_cl, options, kernel, pieces);
    return status ? status : ocl_step_constants(&op->steps[0], 4, 1 + NDIMS, constants);
}

static shunt_status prepare(shunt_bop *op)
{
    return prepare_tensors(op, "shortcut", &op->desc.inputs[0], &op->desc.outputs[0]);
}

static shunt_status prepare_grad(shunt_bop *op)
{
    return prepare_tensors(op, "shortcut_grad", &op->desc.outputs[0], &op->desc.inputs[0]);
}

const ocl_algorithm ocl_shortcut = {.kind = SHUNT_OP_SHORTCUT, .name = "direct", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_shortcut_grad = {
    .kind = SHUNT_OP_SHORTCUT_GRAD, .name = "direct", .refuse = refuse_grad, .prepare = prepare_grad};
