/* eltwise.c - ReLU, its gradient, and addition. */
#include "flat.h"
#include "kernels.h"

/* Tensors of one shape and one layout. */
static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const uint32_t ninputs = desc->kind == SHUNT_OP_RELU ? 1 : 2;
    if (desc->ninputs != ninputs) return "a wrong number of inputs";
    if (desc->flags & ~(uint32_t)(desc->kind == SHUNT_OP_ADD ? SHUNT_FLAG_RELU : 0)) return "a flag that the op lacks";
    for (uint32_t i = 0; i < ninputs; i++)
        if (!ocl_same_desc(&desc->inputs[i], &desc->outputs[0])) return "tensors of different shapes or layouts";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    static const char *const kernels[SHUNT_OP_KINDS] = {
        [SHUNT_OP_RELU] = "relu_flat", [SHUNT_OP_RELU_GRAD] = "relu_grad_flat", [SHUNT_OP_ADD] = "add_flat"};
    const uint32_t kind = op->desc.kind;
    const cl_ulong count = shunt_tensor_storage(&op->desc.outputs[0]);
    const cl_int flags = (cl_int)op->desc.flags;
    const ocl_constant constants[] = {{sizeof count, &count}, {sizeof flags, &flags}};
    op->info.inplace_inputs = kind == SHUNT_OP_RELU ? 1 : 3;
    shunt_status status =
        ocl_flat_step(op->device, &op->steps[0], &op->desc.outputs[0], &ocl_eltwise_cl, "", kernels[kind]);
    return status ? status
                  : ocl_step_constants(&op->steps[0], kind == SHUNT_OP_RELU ? 4 : 6, kind == SHUNT_OP_ADD ? 2 : 1,
                                       constants);
}

const ocl_algorithm ocl_relu = {.kind = SHUNT_OP_RELU, .name = "flat", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_relu_grad = {.kind = SHUNT_OP_RELU_GRAD, .name = "flat", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_add = {.kind = SHUNT_OP_ADD, .name = "flat", .refuse = refuse, .prepare = prepare};
