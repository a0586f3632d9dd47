/* roi_align.c - boxes of maps, each brought to one size. See roi_align.cl. */
#include "kernels.h"

#include <math.h>

/* Blocks of channels that a work-item of a CPU does, and the most samples that the kernel counts. */
enum { CPU_RUN = 4, MOST_SAMPLES = 1 << 20 };

/* The same fields as in roi_align.cl. */
typedef struct roi_dims {
    cl_int N, C, H, W, P, Q, sampling;
    cl_float scale, shift, least, smallest, largest;
} roi_dims;

static const char *refuse_attr(const shunt_roi_align_attr *attr)
{
    if (attr->sampling < 0 || attr->sampling > MOST_SAMPLES) return "sampling below 0 or above 2^20";
    if (attr->mode != SHUNT_ROI_MEAN && attr->mode != SHUNT_ROI_MAXIMUM) return "a mode that the op lacks";
    if (!(attr->scale > 0) || !isfinite(attr->scale)) return "a scale that is not above 0";
    return NULL;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const int64_t most = 1 << 24; /* float32 holds all such whole numbers */
    const shunt_tensor_desc *src = &desc->inputs[0], *rois = &desc->inputs[1], *dst = &desc->outputs[0];
    const shunt_roi_align_attr *attr = &desc->attr.roi_align;
    const char *reason = refuse_attr(attr);
    (void)device;
    if (reason) return reason;
    if (src->rank != 4 || dst->rank != 4) return "tensors that are not N C H W";
    if (rois->rank != 2 || rois->dims[1] != 5 || rois->dims[0] != dst->dims[0]) return "rois that are not R rows of 5";
    if (shunt_tensor_block(src) != shunt_tensor_block(dst)) return "src and dst of different layouts";
    if (src->dims[1] != dst->dims[1]) return "src and dst of different channels";
    if (desc->flags & SHUNT_FLAG_RESIDUAL && !ocl_same_desc(&desc->inputs[2], dst))
        return "dst and its residual of different shapes or layouts";
    if (src->dims[0] > most || src->dims[2] > most || src->dims[3] > most)
        return "more than 2^24 images, rows or columns";
    for (int i = 0; i < 2; i++)
        if (attr->size[i] != dst->dims[2 + i]) return "dst is not of the size that is given";
    return NULL;
}

static roi_dims dims_of(const shunt_op_desc *desc)
{
    const int64_t *src = desc->inputs[0].dims;
    const shunt_roi_align_attr *attr = &desc->attr.roi_align;
    const bool some = attr->area[1] > attr->area[0], aligned = attr->aligned;
    return (roi_dims){.N = (cl_int)src[0],
                      .C = (cl_int)src[1],
                      .H = (cl_int)src[2],
                      .W = (cl_int)src[3],
                      .P = attr->size[0],
                      .Q = attr->size[1],
                      .sampling = attr->sampling,
                      .scale = attr->scale,
                      .shift = aligned ? 0.5f : 0,
                      .least = aligned ? -INFINITY : 1,
                      .smallest = some ? attr->area[0] : -INFINITY,
                      .largest = some ? attr->area[1] : INFINITY};
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *dst = &op->desc.outputs[0];
    const int64_t block = shunt_tensor_block(dst), blocks = (dst->dims[1] + block - 1) / block;
    const int64_t run = !ocl_is_cpu(op->device) ? 1 : blocks == 1 ? 1 : CPU_RUN;
    const cl_ulong items = (cl_ulong)(dst->dims[0] * ocl_inner_count(dst, 2) * ((blocks + run - 1) / run)) *
                           (cl_ulong)(block / ocl_lanes(op->device, block));
    const roi_dims dims = dims_of(&op->desc);
    const cl_int flags = (cl_int)op->desc.flags;
    const ocl_constant constants[] = {{sizeof items, &items}, {sizeof dims, &dims}, {sizeof flags, &flags}};
    char options[OCL_OPTIONS_CHARS];
    ocl_block_options(op->device, block, options);
    ocl_add_option(options, " -DRUN=%d", (int)run);
    if (op->desc.attr.roi_align.mode == SHUNT_ROI_MAXIMUM) ocl_add_option(options, " -DMAXIMUM");
    if (op->desc.flags & SHUNT_FLAG_RESIDUAL) op->info.inplace_inputs = 1u << 2;
    shunt_status status =
        ocl_step_create_flat(op->device, &op->steps[0], &ocl_roi_align_cl, options, "roi_align", items);
    return status ? status : ocl_step_constants(&op->steps[0], 8, 3, constants);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    (void)workspace;
    /* An absent residual is never read, but a kernel argument needs a buffer. */
    const shunt_arg residual = op->desc.flags & SHUNT_FLAG_RESIDUAL ? inputs[2] : inputs[0];
    return ocl_step_run(&op->steps[0], queue, 4, (shunt_arg[]){inputs[0], inputs[1], residual, outputs[0]});
}

const ocl_algorithm ocl_roi_align = {
    .kind = SHUNT_OP_ROI_ALIGN, .name = "gather", .refuse = refuse, .prepare = prepare, .launch = launch};
