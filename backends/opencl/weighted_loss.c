/* weighted_loss.c - FOCAL_LOSS and SMOOTH_L1: an item for each place does all its channels. */
#include "kernels.h"
#include "opencl.h"

/* Whether a tensor has the shape of src, but one channel. */
static bool is_of_places(const shunt_tensor_desc *tensor, const shunt_tensor_desc *src)
{
    shunt_tensor_desc like = *src;
    like.dims[1] = 1;
    return ocl_same_desc(tensor, &like);
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0];
    const bool focal = desc->kind == SHUNT_OP_FOCAL_LOSS;
    (void)device;
    if (src->rank < 2 || src->block != SHUNT_PLAIN || !ocl_same_desc(&desc->outputs[1], src))
        return "tensors without channels, or of a layout other than plain";
    if (!is_of_places(&desc->inputs[2], src) || !is_of_places(&desc->outputs[0], src))
        return "weights and losses that are not one number per place";
    if (focal ? !is_of_places(&desc->inputs[1], src) : !ocl_same_desc(&desc->inputs[1], src))
        return focal ? "labels that are not one number per place" : "a target of another shape";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_op_desc *desc = &op->desc;
    const bool focal = desc->kind == SHUNT_OP_FOCAL_LOSS;
    const cl_ulong places = shunt_tensor_count(&desc->outputs[0]), inner = places / (cl_ulong)desc->inputs[0].dims[0];
    const cl_int C = (cl_int)desc->inputs[0].dims[1];
    const cl_float numbers[] = {focal ? desc->attr.focal_loss.alpha : desc->attr.smooth_l1.beta,
                                desc->attr.focal_loss.gamma};
    const ocl_constant constants[] = {{sizeof places, &places},
                                      {sizeof inner, &inner},
                                      {sizeof C, &C},
                                      {sizeof *numbers, &numbers[0]},
                                      {sizeof *numbers, &numbers[1]}};
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DWG=%zu", ocl_group(op->device));
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[0], &ocl_weighted_loss_cl, options,
                                               focal ? "focal_loss" : "smooth_l1", places);
    return status ? status : ocl_step_constants(&op->steps[0], 10, focal ? 5 : 4, constants);
}

const ocl_algorithm ocl_focal_loss = {
    .kind = SHUNT_OP_FOCAL_LOSS, .name = "places", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_smooth_l1 = {
    .kind = SHUNT_OP_SMOOTH_L1, .name = "places", .refuse = refuse, .prepare = prepare};
