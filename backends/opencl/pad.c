/* pad.c - dst is src with elements put before and after each axis, or taken away. */
#include "kernels.h"
#include "rows.h"

static const char *refuse_axis(const shunt_pad_attr *pad, const shunt_tensor_desc *src, const shunt_tensor_desc *dst,
                               uint32_t axis)
{
    const int64_t size = src->dims[axis], before = pad->before[axis], after = pad->after[axis];
    if (before <= -size || after <= -size || size + before + after != dst->dims[axis])
        return "dst is not of the shape that src and the padding give";
    if (pad->mode == SHUNT_PAD_REFLECT && (before >= size || after >= size)) return "a mirror image longer than src";
    return NULL;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    const shunt_pad_attr *pad = &desc->attr.pad;
    const char *reason = ocl_rows_refuse(src);
    if (desc->flags) return "a flag that the op lacks";
    if (!reason) reason = ocl_rows_refuse(dst);
    if (reason) return reason;
    if (pad->mode < SHUNT_PAD_CONSTANT || pad->mode > SHUNT_PAD_EDGE) return "an unknown mode";
    if (src->rank != dst->rank) return "src and dst of different ranks";
    for (uint32_t i = 0; i < src->rank && !reason; i++) reason = refuse_axis(pad, src, dst, i);
    return reason;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_pad_attr *pad = &op->desc.attr.pad;
    const shunt_tensor_desc *src = &op->desc.inputs[0], *dst = &op->desc.outputs[0];
    const cl_int8 dims = ocl_row_dims(dst), src_dims = ocl_row_dims(src);
    const cl_int mode = pad->mode;
    const cl_float value = pad->value;
    cl_int8 before = {{0}};
    for (uint32_t i = 0; i < src->rank; i++) before.s[i] = pad->before[i];
    const ocl_constant constants[] = {{sizeof dims, &dims},
                                      {sizeof src_dims, &src_dims},
                                      {sizeof before, &before},
                                      {sizeof mode, &mode},
                                      {sizeof value, &value}};
    shunt_status status = ocl_rows_step(op->device, &op->steps[0], dst, &ocl_pad_cl, "pad");
    return status ? status : ocl_step_constants(&op->steps[0], 6, 5, constants);
}

const ocl_algorithm ocl_pad = {.kind = SHUNT_OP_PAD, .name = "rows", .refuse = refuse, .prepare = prepare};
