/* product.c - convolution and linear layer as a matrix product of CLBlast's.
 *
 * im2col writes a strip of images as a matrix (pixels, C*R*S), whatever their layout; the product with the weights is
 * (pixels, K); an epilogue adds bias and residual, does ReLU and writes dst's layout. A linear layer needs no im2col.
 * Workspace: [im2col][product][CLBlast's temporary memory]. */
#include "conv.h"
#include "gemm.h"

#include <stdlib.h>

enum { STRIP_BYTES = 64 << 20 };

typedef struct product {
    conv_dims dims; /* a linear layer is a convolution of 1x1 images */
    cl_int strip;   /* images at a time */
    ocl_gemm gemm;  /* of a whole strip */
    uint64_t product_offset, temporary_offset, temporary_bytes;
    /* CLBlast takes no offset into its temporary memory: a part of the workspace of the last launch. */
    cl_mem temporary;
    shunt_arg workspace;
} product;

static const char *refuse_conv(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const char *reason = ocl_conv_refuse(desc);
    if (reason) return reason;
    return desc->attr.conv.groups > 1 ? "more than one group of channels" : NULL;
}

/* Never the best guess: CLBlast's parameters are tuned for few devices, and on a CPU it compiles for seconds. */
static int rank(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device, (void)desc;
    return -1;
}

static uint64_t aligned(const ocl_device *device, uint64_t bytes)
{
    const uint64_t align = device->found.info.alignment;
    return (bytes + align - 1) / align * align;
}

/* The strip, the product and the workspace. */
static shunt_status plan(shunt_bop *op, product *p, bool im2col)
{
    const conv_dims *d = &p->dims;
    const uint64_t pixels = (uint64_t)d->P * (uint64_t)d->Q, inner = (uint64_t)d->C * (uint64_t)d->R * (uint64_t)d->S;
    const uint64_t element = shunt_dtype_bytes(op->desc.outputs[0].dtype);
    const uint64_t image = element * pixels * (im2col ? inner : (uint64_t)d->K);
    p->strip = image * (uint64_t)d->N <= STRIP_BYTES ? d->N : image >= STRIP_BYTES ? 1 : (cl_int)(STRIP_BYTES / image);
    p->gemm = (ocl_gemm){(size_t)p->strip * pixels, (size_t)d->K, inner};
    shunt_status status = ocl_gemm_temporary(op->device, &p->gemm, &p->temporary_bytes);
    if (status) return status;
    p->product_offset = im2col ? aligned(op->device, element * p->gemm.m * inner) : 0;
    p->temporary_offset = p->product_offset + aligned(op->device, element * p->gemm.m * p->gemm.n);
    op->info.workspace = p->temporary_offset + p->temporary_bytes;
    return SHUNT_OK;
}

static void destroy(shunt_bop *op)
{
    product *p = op->own;
    if (p && p->temporary) clReleaseMemObject(p->temporary);
}

static shunt_status make_epilogue(shunt_bop *op, const product *p, int64_t block)
{
    char options[OCL_OPTIONS_CHARS];
    const conv_dims *d = &p->dims;
    const uint64_t lanes = ocl_lanes(op->device, block);
    const uint64_t vectors = (uint64_t)p->strip * (uint64_t)((d->K + block - 1) / block * block / (int64_t)lanes) *
                             (uint64_t)d->P * (uint64_t)d->Q;
    const ocl_constant constants[] = {{sizeof *d, d}};
    ocl_block_options(op->device, block, options);
    ocl_add_option(options, " -DSB=1");
    shunt_status status =
        ocl_step_create_flat(op->device, &op->steps[1], &ocl_product_cl, options, "product_epilogue", vectors);
    return status ? status : ocl_step_constants(&op->steps[1], 8, 1, constants);
}

static shunt_status make_im2col(shunt_bop *op, const product *p)
{
    char options[OCL_OPTIONS_CHARS] = "";
    const ocl_constant constants[] = {{sizeof p->dims, &p->dims}};
    ocl_add_option(options, "-DB=1 -DV=1 -DWG=%zu -DSB=%lld", ocl_group(op->device),
                   (long long)shunt_tensor_block(&op->desc.inputs[0]));
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[0], &ocl_product_cl, options, "product_im2col",
                                               (uint64_t)p->gemm.m * (uint64_t)p->gemm.k);
    return status ? status : ocl_step_constants(&op->steps[0], 4, 1, constants);
}

static shunt_status prepare_conv(shunt_bop *op)
{
    product *p = calloc(1, sizeof *p);
    if (!p) return ocl_fail_memory();
    op->own = p;
    op->run_ahead = true;
    p->dims = ocl_conv_dims(&op->desc);
    ocl_conv_inplace(op);
    shunt_status status = plan(op, p, true);
    if (!status) status = make_im2col(op, p);
    return status ? status : make_epilogue(op, p, shunt_tensor_block(&op->desc.outputs[0]));
}

static shunt_status prepare_linear(shunt_bop *op)
{
    const int64_t *src = op->desc.inputs[0].dims, *dst = op->desc.outputs[0].dims;
    product *p = calloc(1, sizeof *p);
    if (!p) return ocl_fail_memory();
    op->own = p;
    op->run_ahead = true;
    p->dims =
        (conv_dims){.N = (cl_int)src[0], .C = (cl_int)src[1], .H = 1, .W = 1, .K = (cl_int)dst[1], .P = 1, .Q = 1};
    p->dims.R = p->dims.S = p->dims.groups = 1;
    p->dims.flags = (cl_int)op->desc.flags;
    shunt_status status = plan(op, p, false);
    return status ? status : make_epilogue(op, p, SHUNT_PLAIN);
}

/* Of this workspace, kept for the next launch: a plan's op always gets the same one. */
static shunt_status get_temporary(product *p, shunt_arg workspace)
{
    if (p->temporary_bytes == 0) return SHUNT_OK;
    if (p->temporary && p->workspace.buffer == workspace.buffer && p->workspace.offset == workspace.offset)
        return SHUNT_OK;
    if (p->temporary) clReleaseMemObject(p->temporary);
    const cl_buffer_region region = {workspace.offset + p->temporary_offset, p->temporary_bytes};
    cl_int code;
    p->temporary =
        clCreateSubBuffer(workspace.buffer->memory, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    p->workspace = workspace;
    return p->temporary ? SHUNT_OK : ocl_failed("clCreateSubBuffer", code);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    product *p = op->own;
    const bool im2col = op->steps[0].kernel, residual = op->desc.flags & SHUNT_FLAG_RESIDUAL;
    const shunt_arg made = {workspace.buffer, workspace.offset + p->product_offset};
    const shunt_arg bias = op->desc.flags & SHUNT_FLAG_BIAS ? inputs[2] : inputs[0];
    const shunt_arg added = residual ? inputs[ocl_residual_index(&op->desc)] : inputs[0];
    const uint64_t image = (uint64_t)p->gemm.m / (uint64_t)p->strip;
    shunt_status status = get_temporary(p, workspace);
    for (cl_int first = 0; first < p->dims.N && !status; first += p->strip) {
        const cl_int count = p->dims.N - first < p->strip ? p->dims.N - first : p->strip;
        const cl_int range[] = {first, count};
        const ocl_constant constants[] = {{sizeof range[0], &range[0]}, {sizeof range[1], &range[1]}};
        shunt_arg rows = inputs[0];
        const shunt_arg epilogue[] = {made, bias, added, outputs[0]}, columns[] = {inputs[0], workspace};
        ocl_gemm gemm = p->gemm;
        gemm.m = (size_t)count * image;
        if (im2col) {
            status = ocl_step_constants(&op->steps[0], 5, 2, constants);
            if (!status) status = ocl_step_run(&op->steps[0], queue, 2, columns);
            rows = workspace;
        } else {
            rows.offset += (uint64_t)first * p->gemm.k * shunt_dtype_bytes(op->desc.inputs[0].dtype);
        }
        if (!status) status = ocl_gemm_run(queue, &gemm, rows, inputs[1], made, p->temporary);
        if (!status) status = ocl_step_constants(&op->steps[1], 9, 2, constants);
        if (!status) status = ocl_step_run(&op->steps[1], queue, 4, epilogue);
    }
    return status;
}

const ocl_algorithm ocl_conv_product = {.kind = SHUNT_OP_CONV,
                                        .name = "gemm",
                                        .float32_only = "CLBlast's product is of float32 here",
                                        .rank = rank,
                                        .refuse = refuse_conv,
                                        .prepare = prepare_conv,
                                        .launch = launch,
                                        .destroy = destroy};
const ocl_algorithm ocl_linear_product = {.kind = SHUNT_OP_LINEAR,
                                          .name = "gemm",
                                          .float32_only = "CLBlast's product is of float32 here",
                                          .rank = rank,
                                          .refuse = ocl_linear_refuse,
                                          .prepare = prepare_linear,
                                          .launch = launch,
                                          .destroy = destroy};
