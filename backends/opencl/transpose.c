/* transpose.c - dst has src's axes in another order. */
#include "kernels.h"
#include "rows.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    const int32_t *axes = desc->attr.transpose.axes;
    uint32_t seen = 0;
    if (desc->flags) return "a flag that the op lacks";
    if (ocl_rows_refuse(src) || ocl_rows_refuse(dst))
        return ocl_rows_refuse(src) ? ocl_rows_refuse(src) : ocl_rows_refuse(dst);
    if (src->rank != dst->rank) return "src and dst of different ranks";
    for (uint32_t i = 0; i < src->rank; i++) {
        if (axes[i] < 0 || axes[i] >= src->rank || seen >> axes[i] & 1)
            return "axes that are not a permutation of src's";
        if (dst->dims[i] != src->dims[axes[i]]) return "dst is not of the shape that the axes give";
        seen |= 1u << axes[i];
    }
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0], *dst = &op->desc.outputs[0];
    const cl_int8 dims = ocl_row_dims(dst);
    cl_long8 steps = {{0}};
    for (uint32_t i = 0; i < dst->rank; i++)
        steps.s[i] = ocl_inner_count(src, (uint32_t)op->desc.attr.transpose.axes[i] + 1);
    const ocl_constant constants[] = {{sizeof dims, &dims}, {sizeof steps, &steps}};
    shunt_status status = ocl_rows_step(op->device, &op->steps[0], dst, &ocl_transpose_cl, "transpose");
    return status ? status : ocl_step_constants(&op->steps[0], 6, 2, constants);
}

const ocl_algorithm ocl_transpose = {.kind = SHUNT_OP_TRANSPOSE, .name = "rows", .refuse = refuse, .prepare = prepare};
