/* eltwise.c - ReLU, sigmoid and their gradients, steps, addition, multiplication, clipping, and reshaping, which is a copy. */
#include "flat.h"
#include "kernels.h"

/* Tensors of one shape and one layout. */
static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (desc->flags & ~(uint32_t)(desc->kind == SHUNT_OP_ADD ? SHUNT_FLAG_RELU : 0)) return "a flag that the op lacks";
    for (uint32_t i = 0; i < desc->ninputs; i++)
        if (!ocl_same_desc(&desc->inputs[i], &desc->outputs[0])) return "tensors of different shapes or layouts";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    static const char *const kernels[SHUNT_OP_KINDS] = {
        [SHUNT_OP_RELU] = "relu_flat", [SHUNT_OP_RELU_GRAD] = "relu_grad_flat",
        [SHUNT_OP_STEP] = "step_flat", [SHUNT_OP_SIGMOID_GRAD] = "sigmoid_grad_flat",
        [SHUNT_OP_ADD] = "add_flat",   [SHUNT_OP_MUL] = "mul_flat"};
    const uint32_t kind = op->desc.kind;
    const cl_ulong count = shunt_tensor_storage(&op->desc.outputs[0]);
    const cl_int flags = (cl_int)op->desc.flags;
    const ocl_constant constants[] = {{sizeof count, &count}, {sizeof flags, &flags}};
    op->info.inplace_inputs = op->desc.ninputs == 1 ? 1 : 3;
    shunt_status status =
        ocl_flat_step(op->device, &op->steps[0], &op->desc.outputs[0], &ocl_eltwise_cl, "", kernels[kind]);
    return status ? status
                  : ocl_step_constants(&op->steps[0], op->desc.ninputs == 1 ? 4 : 6, kind == SHUNT_OP_ADD ? 2 : 1,
                                       constants);
}

const ocl_algorithm ocl_relu = {.kind = SHUNT_OP_RELU, .name = "flat", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_step_op = {.kind = SHUNT_OP_STEP, .name = "flat", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_relu_grad = {.kind = SHUNT_OP_RELU_GRAD, .name = "flat", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_add = {.kind = SHUNT_OP_ADD, .name = "flat", .refuse = refuse, .prepare = prepare};

/* sigmoid(0) is 0.5, but lanes without a channel hold zero: the kernel needs to know where they are. */
static shunt_status prepare_sigmoid(shunt_bop *op)
{
    const shunt_tensor_desc *dst = &op->desc.outputs[0];
    const bool spare = ocl_flat_has_spare(dst);
    const cl_ulong count = shunt_tensor_storage(dst);
    const cl_ulong plane = spare ? (cl_ulong)ocl_inner_count(dst, 2) * dst->block : 0;
    const cl_int C = spare ? (cl_int)dst->dims[1] : 0;
    const ocl_constant constants[] = {{sizeof count, &count}, {sizeof plane, &plane}, {sizeof C, &C}};
    op->info.inplace_inputs = 1;
    shunt_status status = ocl_flat_step(op->device, &op->steps[0], dst, &ocl_eltwise_cl, "", "sigmoid_flat");
    return status ? status : ocl_step_constants(&op->steps[0], 4, 3, constants);
}

const ocl_algorithm ocl_sigmoid = {
    .kind = SHUNT_OP_SIGMOID, .name = "flat", .refuse = refuse, .prepare = prepare_sigmoid};
const ocl_algorithm ocl_sigmoid_grad = {
    .kind = SHUNT_OP_SIGMOID_GRAD, .name = "flat", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_mul = {.kind = SHUNT_OP_MUL, .name = "flat", .refuse = refuse, .prepare = prepare};

static const char *refuse_clip(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_clip_attr *clip = &desc->attr.clip;
    if (desc->flags) return "a flag that the op lacks";
    if (!ocl_same_desc(&desc->inputs[0], &desc->outputs[0])) return "tensors of different shapes or layouts";
    if (ocl_flat_has_spare(&desc->outputs[0]) && !(clip->low <= 0 && clip->high >= 0))
        return "a range without 0, and a block that the channels do not fill";
    return NULL;
}

static shunt_status prepare_clip(shunt_bop *op)
{
    const cl_ulong count = shunt_tensor_storage(&op->desc.outputs[0]);
    const cl_float low = op->desc.attr.clip.low, high = op->desc.attr.clip.high;
    const ocl_constant constants[] = {{sizeof count, &count}, {sizeof low, &low}, {sizeof high, &high}};
    op->info.inplace_inputs = 1;
    shunt_status status =
        ocl_flat_step(op->device, &op->steps[0], &op->desc.outputs[0], &ocl_eltwise_cl, "", "clip_flat");
    return status ? status : ocl_step_constants(&op->steps[0], 4, 3, constants);
}

static const char *refuse_reshape(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    if (desc->flags) return "a flag that the op lacks";
    if (src->block != SHUNT_PLAIN || dst->block != SHUNT_PLAIN) return "a layout other than plain";
    return shunt_tensor_count(src) == shunt_tensor_count(dst) ? NULL : "dst has not as many elements as src";
}

static shunt_status prepare_reshape(shunt_bop *op)
{
    const cl_ulong count = shunt_tensor_count(&op->desc.outputs[0]);
    const ocl_constant constants[] = {{sizeof count, &count}};
    op->info.inplace_inputs = 1;
    shunt_status status =
        ocl_flat_step(op->device, &op->steps[0], &op->desc.outputs[0], &ocl_eltwise_cl, "", "copy_flat");
    return status ? status : ocl_step_constants(&op->steps[0], 4, 1, constants);
}

const ocl_algorithm ocl_clip = {.kind = SHUNT_OP_CLIP, .name = "flat", .refuse = refuse_clip, .prepare = prepare_clip};
const ocl_algorithm ocl_reshape = {
    .kind = SHUNT_OP_RESHAPE, .name = "flat", .refuse = refuse_reshape, .prepare = prepare_reshape};
