/* eltwise.c - ReLU and addition, on memory walked flat. */
#include "kernels.h"

/* Both want tensors of one shape and one layout. */
static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    uint32_t ninputs = desc->kind == SHUNT_OP_ADD ? 2 : 1;
    if (desc->ninputs != ninputs) return "a wrong number of inputs";
    if (desc->flags & ~(uint32_t)(desc->kind == SHUNT_OP_ADD ? SHUNT_FLAG_RELU : 0)) return "a flag that the op lacks";
    for (uint32_t i = 0; i < ninputs; i++)
        if (!ocl_same_desc(&desc->inputs[i], &desc->outputs[0])) return "tensors of different shapes or layouts";
    return NULL;
}

/* A block that every vector width divides: memory is walked flat. */
enum { FLAT = 16 };

static shunt_status prepare(shunt_bop *op, const char *kernel, uint32_t ntensors)
{
    char options[OCL_OPTIONS_CHARS];
    cl_ulong count = shunt_tensor_storage(&op->desc.outputs[0]);
    cl_int flags = (cl_int)op->desc.flags;
    uint32_t lanes = ocl_lanes(op->device, FLAT);
    const ocl_constant constants[] = {{sizeof count, &count}, {sizeof flags, &flags}};
    ocl_block_options(op->device, FLAT, options);
    shunt_status status =
        ocl_step_create_flat(op->device, &op->steps[0], &ocl_eltwise_cl, options, kernel, (count + lanes - 1) / lanes);
    if (status) return status;
    return ocl_step_constants(&op->steps[0], 2 * ntensors, ntensors == 3 ? 2 : 1, constants);
}

static shunt_status prepare_relu(shunt_bop *op)
{
    op->info.inplace_inputs = 1;
    return prepare(op, "relu_flat", 2);
}

static shunt_status prepare_add(shunt_bop *op)
{
    op->info.inplace_inputs = 3;
    return prepare(op, "add_flat", 3);
}

const ocl_algorithm ocl_relu = {.kind = SHUNT_OP_RELU, .name = "flat", .refuse = refuse, .prepare = prepare_relu};
const ocl_algorithm ocl_add = {.kind = SHUNT_OP_ADD, .name = "flat", .refuse = refuse, .prepare = prepare_add};
