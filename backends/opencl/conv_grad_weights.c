/* conv_grad_weights.c - the gradient of a convolution by its weights on CPUs, by register tiles of sums over pixels. */
#include "conv_grad.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct grad_weights {
    conv_grad grad;
    bool plain_src;
    uint64_t padded_offset; /* in the workspace */
} grad_weights;

enum {
    CHUNK_BYTES = 24 << 10, /* in the first-level cache */
    ENOUGH_ITEMS = 64,
    SPLIT_PIXELS = 512, /* at least, in a split */
    MAX_TILE = 24,      /* scalars */
};

static cl_int ceil_div(cl_int a, cl_int b)
{
    return (a + b - 1) / b;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0];
    const char *reason = ocl_conv_grad_refuse(device, desc);
    if (reason) return reason;
    if (ocl_conv_takes_block(device, src)) return NULL;
    if (src->block != SHUNT_PLAIN) return "src is neither in the device's layout nor plain";
    return desc->attr.conv.dilation[1] > 1 ? "a plain src and a dilation above 1" : NULL;
}

static int rank(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device, (void)desc;
    return OCL_TILE_RANK;
}

/* A row of taps of a plain src is cut into equal tiles. Else one of 16 or 8 channels, or of 4 where there are few. */
static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    static const int wide[][2] = {{16, 1}, {8, 2}}, narrow[][2] = {{8, 1}, {4, 2}};
    const conv_parts t = ocl_conv_parts(desc);
    const int64_t block = device->found.info.block, C = t.src->dims[1], K = t.dst->dims[1];
    const int(*list)[2] = block == 16 ? wide : narrow;
    if (!ocl_conv_takes_block(device, t.src)) {
        const int line = (int)(t.weights->dims[3] * C), most = block == 16 ? MAX_TILE : MAX_TILE / 2;
        if (index > 0) return false;
        snprintf(params, SHUNT_PARAMS_CHARS, "c=%d k=1", ceil_div(line, ceil_div(line, most)));
        return true;
    }
    if (C <= 4) {
        if (index > 0) return false;
        snprintf(params, SHUNT_PARAMS_CHARS, "c=4 k=%d", K <= block ? 1 : 2);
        return true;
    }
    if (index >= (K <= block ? 1 : 2)) return false;
    snprintf(params, SHUNT_PARAMS_CHARS, "c=%d k=%d", list[index][0], list[index][1]);
    return true;
}

/* Rows without padding that taps share are one long row: those of a 1x1 window. */
static void join_rows(conv_dims *d)
{
    if (d->R > 1 || d->S > 1 || d->stride[0] > 1 || d->stride[1] > 1 || d->P != d->H || d->Q != d->W) return;
    d->Q = d->W = d->P * d->Q;
    d->P = d->H = 1;
}

/* The tile's shape and the work: chunks, splits. */
static shunt_status describe(const shunt_bop *op, grad_weights *w)
{
    conv_grad *g = &w->grad;
    conv_dims *d = &g->dims;
    g->block = (cl_int)op->device->found.info.block;
    w->plain_src = !ocl_conv_takes_block(op->device, &op->desc.inputs[0]);
    *d = ocl_conv_dims(&op->desc);
    if (sscanf(op->info.params, "c=%d k=%d", &g->m, &g->n) != 2)
        return ocl_fail(SHUNT_E_INVALID, "parameters \"%s\"", op->info.params);
    g->groups = ceil_div(ceil_div(d->K, g->block), g->n);
    if (w->plain_src) {
        g->parts = 1;
        g->cut.taps = d->R * ceil_div(d->S * d->C, g->m);
        g->cut.pad_h = (d->P - 1) * d->stride[0] + (d->R - 1) * d->dilation[0] + 1;
        g->cut.pad_w = (d->Q - 1) * d->stride[1] + d->S;
    } else {
        join_rows(d);
        g->parts = ceil_div(d->C, g->m);
        g->cut.taps = d->R * d->S;
    }
    const int64_t line_bytes = (int64_t)shunt_dtype_bytes(op->desc.inputs[0].dtype) * g->block *
                               ((int64_t)d->Q * g->n + (int64_t)d->W * d->stride[0]);
    g->cut.chunk = line_bytes > CHUNK_BYTES / 2 ? 2 : (cl_int)(CHUNK_BYTES / line_bytes);
    ocl_conv_grad_split(g, d->N * d->P, ceil_div(SPLIT_PIXELS, d->Q), ENOUGH_ITEMS);
    return SHUNT_OK;
}

static shunt_status make_pad(shunt_bop *op, grad_weights *w, const char *options)
{
    const conv_grad *g = &w->grad;
    const uint64_t align = op->device->found.info.alignment,
                   pixels = (uint64_t)g->dims.N * (uint64_t)g->cut.pad_h * (uint64_t)g->cut.pad_w;
    const ocl_constant constants[] = {{sizeof g->dims, &g->dims}, {sizeof g->cut, &g->cut}};
    w->padded_offset = (op->info.workspace + align - 1) / align * align;
    op->info.workspace = w->padded_offset + sizeof(cl_float) * (pixels * (uint64_t)g->dims.C + MAX_TILE);
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[OCL_GRAD_STEPS], &ocl_conv_grad_weights_cl,
                                               options, "conv_grad_pad", pixels);
    return status ? status : ocl_step_constants(&op->steps[OCL_GRAD_STEPS], 4, 2, constants);
}

static shunt_status prepare(shunt_bop *op)
{
    char options[OCL_OPTIONS_CHARS] = "";
    grad_weights *w = calloc(1, sizeof *w);
    if (!w) return ocl_fail_memory();
    op->own = w;
    shunt_status status = describe(op, w);
    if (status) return status;
    const conv_grad *g = &w->grad;
    ocl_add_option(options, "-DB=%d -DSB=%d -DV=%d -DWG=%zu -DMC=%d -DKB=%d%s",
                   (int)shunt_tensor_block(&op->desc.inputs[1]), (int)shunt_tensor_block(&op->desc.inputs[0]), g->block,
                   ocl_group(op->device), g->m, g->n, w->plain_src ? " -DPLAIN_SRC" : "");
    status = ocl_conv_grad_steps(op, g, &ocl_conv_grad_weights_cl, options, "conv_grad_weights");
    return status || !w->plain_src ? status : make_pad(op, w, options);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    const grad_weights *w = op->own;
    if (!w->plain_src) return ocl_conv_grad_run(op, queue, inputs[0], inputs[1], outputs, workspace);
    const shunt_arg padded = {workspace.buffer, workspace.offset + w->padded_offset}, pad[] = {inputs[0], padded};
    shunt_status status = ocl_step_run(&op->steps[OCL_GRAD_STEPS], queue, 2, pad);
    return status ? status : ocl_conv_grad_run(op, queue, padded, inputs[1], outputs, workspace);
}

const ocl_algorithm ocl_conv_grad_weights_tile = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS,
                                                  .name = "tile",
                                                  .rank = rank,
                                                  .refuse = refuse,
                                                  .variant = variant,
                                                  .prepare = prepare,
                                                  .launch = launch};
