/* cast.c - another type for the same elements, in any layout. */
#include "kernels.h"

enum { CPU_RUN = 1024 }; /* elements of an item */

static const char *refuse_type(const ocl_device *device, uint8_t dtype)
{
    if (dtype == SHUNT_F64 && !device->found.limits.doubles) return "float64, which the device lacks";
    return shunt_castable(dtype) ? NULL : "a type that is not cast here";
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    shunt_tensor_desc src = desc->inputs[0];
    const char *reason = refuse_type(device, src.dtype);
    if (!reason) reason = refuse_type(device, desc->outputs[0].dtype);
    if (reason) return reason;
    if (desc->flags) return "a flag that the op lacks";
    if (desc->attr.cast.dtype != desc->outputs[0].dtype) return "dst is not of the type that the op makes";
    src.dtype = desc->outputs[0].dtype;
    return ocl_same_desc(&src, &desc->outputs[0]) ? NULL : "tensors of different shapes or layouts";
}

static shunt_status prepare(shunt_bop *op)
{
    const cl_ulong count = shunt_tensor_storage(&op->desc.outputs[0]);
    const uint64_t run = ocl_is_cpu(op->device) ? CPU_RUN : 1;
    const ocl_constant constants[] = {{sizeof count, &count}};
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DWG=%zu -DRUN=%d -DFROM=%u -DTO=%u", ocl_group(op->device), (int)run,
                   op->desc.inputs[0].dtype, op->desc.outputs[0].dtype);
    shunt_status status =
        ocl_step_create_flat(op->device, &op->steps[0], &ocl_cast_cl, options, "cast", (count + run - 1) / run);
    return status ? status : ocl_step_constants(&op->steps[0], 4, 1, constants);
}

const ocl_algorithm ocl_cast = {.kind = SHUNT_OP_CAST, .name = "flat", .refuse = refuse, .prepare = prepare};
