/* linear_grad.c - the gradients of a fully connected layer, by src and by weights and bias. */
#include "kernels.h"

enum { ROWS = 8 };

/* The tensors of both, by the names of the layer itself. */
typedef struct layer {
    const shunt_tensor_desc *src, *weights, *dst;
} layer;

static layer layer_of(const shunt_op_desc *desc)
{
    if (desc->kind == SHUNT_OP_LINEAR_GRAD_SRC)
        return (layer){.src = &desc->outputs[0], .weights = &desc->inputs[0], .dst = &desc->inputs[1]};
    return (layer){.src = &desc->inputs[0], .weights = &desc->outputs[0], .dst = &desc->inputs[1]};
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const layer l = layer_of(desc);
    const uint32_t known = desc->kind == SHUNT_OP_LINEAR_GRAD_WEIGHTS ? SHUNT_FLAG_BIAS : 0;
    if (desc->flags & ~known) return "a flag that the op lacks";
    if (l.src->rank != 2 || l.weights->rank != 2 || l.dst->rank != 2) return "tensors that are not matrices";
    if (l.src->dims[0] != l.dst->dims[0] || l.src->dims[1] != l.weights->dims[1] ||
        l.weights->dims[0] != l.dst->dims[1])
        return "matrices whose sizes do not fit each other";
    if (desc->flags & SHUNT_FLAG_BIAS && (desc->outputs[1].rank != 1 || desc->outputs[1].dims[0] != l.dst->dims[1]))
        return "a diff_bias that is not (K)";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const layer l = layer_of(&op->desc);
    const bool by_src = op->desc.kind == SHUNT_OP_LINEAR_GRAD_SRC;
    const cl_int N = (cl_int)l.dst->dims[0], C = (cl_int)l.src->dims[1], K = (cl_int)l.dst->dims[1];
    const cl_int dims[] = {by_src ? N : K, C, by_src ? K : N, by_src ? K : 1, by_src ? 1 : K, (cl_int)op->desc.flags};
    enum { NDIMS = sizeof dims / sizeof *dims };
    ocl_constant constants[NDIMS];
    for (int i = 0; i < NDIMS; i++) constants[i] = (ocl_constant){sizeof dims[i], &dims[i]};
    const uint64_t lanes = ocl_lanes(op->device, 16);
    const uint64_t items[] = {((uint64_t)C + lanes - 1) / lanes, ((uint64_t)dims[0] + ROWS - 1) / ROWS};
    const size_t local[] = {ocl_group(op->device), 1};
    char options[OCL_OPTIONS_CHARS];
    ocl_block_options(op->device, 16, options);
    ocl_add_option(options, " -DROWS=%d", ROWS);
    shunt_status status = ocl_step_create(op->device, &op->steps[0], &ocl_linear_grad_cl, options,
                                          by_src ? "linear_grad_src" : "linear_grad_weights", 2, items, local);
    if (status) return status;
    return ocl_step_constants(&op->steps[0], by_src ? 6 : 8, by_src ? NDIMS - 1 : NDIMS, constants);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    (void)workspace;
    /* An absent diff_bias is never written, but a kernel argument needs a buffer. */
    const shunt_arg tensors[] = {inputs[1], inputs[0], outputs[0],
                                 op->desc.flags & SHUNT_FLAG_BIAS ? outputs[1] : outputs[0]};
    return ocl_step_run(&op->steps[0], queue, op->desc.kind == SHUNT_OP_LINEAR_GRAD_SRC ? 3 : 4, tensors);
}

const ocl_algorithm ocl_linear_grad_src = {
    .kind = SHUNT_OP_LINEAR_GRAD_SRC, .name = "rows", .refuse = refuse, .prepare = prepare, .launch = launch};
const ocl_algorithm ocl_linear_grad_weights = {
    .kind = SHUNT_OP_LINEAR_GRAD_WEIGHTS, .name = "rows", .refuse = refuse, .prepare = prepare, .launch = launch};
