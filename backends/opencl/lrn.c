/* lrn.c - local response normalisation: each element by the squares of its neighbours among the channels. */
#include "kernels.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *src = &desc->inputs[0];
    if (!ocl_same_desc(src, &desc->outputs[0])) return "src and dst of different shapes or layouts";
    if (src->rank < 2) return "an activation without a channel dimension";
    if (src->dims[1] > 1 << 24) return "more than 2^24 channels";
    if (ocl_inner_count(src, 2) > INT32_MAX) return "more than 2^31 - 1 pixels in an image";
    return desc->attr.lrn.size < 1 ? "a size below 1" : NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0];
    const shunt_lrn_attr *attr = &op->desc.attr.lrn;
    const cl_int C = (cl_int)src->dims[1], pixels = (cl_int)ocl_inner_count(src, 2);
    /* No more neighbours than there are channels, so that sums of int stay in range. */
    const cl_int before = attr->size / 2 < C ? (attr->size - 1) / 2 : C,
                 after = attr->size / 2 < C ? attr->size / 2 : C;
    const cl_float factor = attr->alpha / (cl_float)attr->size, beta = attr->beta, bias = attr->bias;
    cl_int run;
    const cl_ulong pieces = ocl_pieces(op->device, src, pixels, &run);
    const ocl_constant constants[] = {{sizeof pieces, &pieces}, {sizeof run, &run},       {sizeof C, &C},
                                      {sizeof pixels, &pixels}, {sizeof before, &before}, {sizeof after, &after},
                                      {sizeof factor, &factor}, {sizeof beta, &beta},     {sizeof bias, &bias}};
    char options[OCL_OPTIONS_CHARS];
    ocl_block_options(op->device, shunt_tensor_block(src), options);
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[0], &ocl_lrn_cl, options, "lrn", pieces);
    return status ? status : ocl_step_constants(&op->steps[0], 4, sizeof constants / sizeof *constants, constants);
}

const ocl_algorithm ocl_lrn = {.kind = SHUNT_OP_LRN, .name = "direct", .refuse = refuse, .prepare = prepare};
