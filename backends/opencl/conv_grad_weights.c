/* conv_grad_weights.c - the gradient of a convolution by its weights on CPUs: register tiles of sums over pixels, in parts
 * that are added up afterwards. How it is cut depends on the shape alone, so threads change no bit of the result. */
#include "conv.h"

#include <stdio.h>
#include <stdlib.h>

/* The same fields as in conv_grad_weights.cl. */
typedef struct grad_cut {
    cl_int taps, chunk, rows, splits, pad_h, pad_w;
} grad_cut;

typedef struct grad_weights {
    conv_dims dims;
    grad_cut cut;
    cl_int block, m, n; /* a tile: m scalars of src by n vectors of diff_dst */
    bool plain_src;
    cl_int parts, groups;   /* items of a split: of src, of diff_dst */
    uint64_t padded_offset; /* in the workspace */
} grad_weights;

enum {
    CHUNK_BYTES = 24 << 10, /* in the first-level cache */
    ENOUGH_ITEMS = 64,
    SPLIT_PIXELS = 512, /* at least, in a split */
    MAX_PARTIAL_BYTES = 32 << 20,
    MAX_TILE = 24, /* scalars */
};

static cl_int ceil_div(cl_int a, cl_int b)
{
    return (a + b - 1) / b;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const conv_parts t = ocl_conv_parts(desc);
    const int64_t block = device->found.info.block;
    const char *reason = ocl_conv_refuse(desc);
    if (!reason) reason = ocl_conv_refuse_tiles(device);
    if (reason) return reason;
    if (desc->attr.conv.groups > 1) return "more than one group of channels";
    if (shunt_tensor_block(t.dst) != block) return "diff_dst is not in the device's layout";
    if (shunt_tensor_block(t.src) != block && t.src->block != SHUNT_PLAIN)
        return "src is neither in the device's layout nor plain";
    if (shunt_tensor_block(t.src) != block && desc->attr.conv.dilation[1] > 1)
        return "a plain src and a dilation above 1";
    if (t.dst->dims[0] * ocl_inner_count(t.dst, 2) > INT32_MAX / 2) return "2^30 or more pixels";
    return NULL;
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
    if (shunt_tensor_block(t.src) != block) {
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

static uint64_t partial_bytes(const grad_weights *g)
{
    return sizeof(float) * (uint64_t)g->parts * (uint64_t)g->groups * (uint64_t)g->cut.taps *
           (uint64_t)(g->m * g->n * g->block);
}

/* Splits for enough items, while each has some pixels and their sums do not take too much memory. */
static void cut_work(grad_weights *g)
{
    const conv_dims *d = &g->dims;
    const cl_int rows = d->N * d->P, line_bytes = 4 * g->block * (d->Q * g->n + d->W * d->stride[0]);
    cl_int splits = ceil_div(ENOUGH_ITEMS, g->parts * g->groups);
    const cl_int fit = (cl_int)(MAX_PARTIAL_BYTES / partial_bytes(g)), filled = rows * d->Q / SPLIT_PIXELS;
    if (splits > fit) splits = fit;
    if (splits > filled) splits = filled;
    if (splits < 1) splits = 1;
    g->cut.rows = ceil_div(rows, splits);
    g->cut.splits = ceil_div(rows, g->cut.rows);
    g->cut.chunk = CHUNK_BYTES / line_bytes;
    if (g->cut.chunk < 2) g->cut.chunk = 2;
}

/* Rows without padding that taps share are one long row: those of a 1x1 window. */
static void join_rows(conv_dims *d)
{
    if (d->R > 1 || d->S > 1 || d->stride[0] > 1 || d->stride[1] > 1 || d->P != d->H || d->Q != d->W) return;
    d->Q = d->W = d->P * d->Q;
    d->P = d->H = 1;
}

static shunt_status describe(const shunt_bop *op, grad_weights *g)
{
    const conv_parts t = ocl_conv_parts(&op->desc);
    g->block = (cl_int)op->device->found.info.block;
    g->plain_src = shunt_tensor_block(t.src) != g->block;
    g->dims = ocl_conv_dims(&op->desc);
    if (sscanf(op->info.params, "c=%d k=%d", &g->m, &g->n) != 2)
        return ocl_fail(SHUNT_E_INVALID, "parameters \"%s\"", op->info.params);
    conv_dims *d = &g->dims;
    g->groups = ceil_div(ceil_div(d->K, g->block), g->n);
    if (g->plain_src) {
        g->parts = 1;
        g->cut.taps = d->R * ceil_div(d->S * d->C, g->m);
        g->cut.pad_h = (d->P - 1) * d->stride[0] + (d->R - 1) * d->dilation[0] + 1;
        g->cut.pad_w = (d->Q - 1) * d->stride[1] + d->S;
    } else {
        join_rows(d);
        g->parts = ceil_div(d->C, g->m);
        g->cut.taps = d->R * d->S;
    }
    cut_work(g);
    return SHUNT_OK;
}

static shunt_status make_pad(shunt_bop *op, grad_weights *g, const char *options)
{
    const uint64_t align = op->device->found.info.alignment,
                   pixels = (uint64_t)g->dims.N * (uint64_t)g->cut.pad_h * (uint64_t)g->cut.pad_w;
    const ocl_constant constants[] = {{sizeof g->dims, &g->dims}, {sizeof g->cut, &g->cut}};
    g->padded_offset = (op->info.workspace + align - 1) / align * align;
    op->info.workspace = g->padded_offset + sizeof(float) * (pixels * (uint64_t)g->dims.C + MAX_TILE);
    shunt_status status =
        ocl_step_create_flat(op->device, &op->steps[2], &ocl_conv_grad_weights_cl, options, "conv_grad_pad", pixels);
    return status ? status : ocl_step_constants(&op->steps[2], 4, 2, constants);
}

static shunt_status make_bias(shunt_bop *op, const grad_weights *g, const char *options)
{
    const uint64_t blocks = (uint64_t)ceil_div(g->dims.K, g->block);
    const size_t local = 1;
    const ocl_constant constants[] = {{sizeof g->dims, &g->dims}};
    shunt_status status = ocl_step_create(op->device, &op->steps[3], &ocl_conv_grad_weights_cl, options,
                                          "conv_grad_bias", 1, &blocks, &local);
    return status ? status : ocl_step_constants(&op->steps[3], 4, 1, constants);
}

static shunt_status prepare(shunt_bop *op)
{
    char options[OCL_OPTIONS_CHARS] = "";
    grad_weights *g = calloc(1, sizeof *g);
    if (!g) return ocl_fail_memory();
    op->own = g;
    shunt_status status = describe(op, g);
    if (status) return status;
    const uint64_t items[] = {(uint64_t)g->parts, (uint64_t)g->groups, (uint64_t)g->cut.splits};
    const size_t local[] = {1, 1, 1};
    const ocl_constant constants[] = {{sizeof g->dims, &g->dims}, {sizeof g->cut, &g->cut}};

    ocl_conv_cost(op);
    op->info.workspace = (uint64_t)g->cut.splits * partial_bytes(g);
    ocl_add_option(options, "-DB=%d -DV=%d -DWG=%zu -DMC=%d -DKB=%d%s", g->block, g->block, ocl_group(op->device), g->m,
                   g->n, g->plain_src ? " -DPLAIN_SRC" : "");
    status = ocl_step_create(op->device, &op->steps[0], &ocl_conv_grad_weights_cl, options, "conv_grad_weights", 3,
                             items, local);
    if (!status) status = ocl_step_constants(&op->steps[0], 6, 2, constants);
    if (!status)
        status = ocl_step_create(op->device, &op->steps[1], &ocl_conv_grad_weights_cl, options, "conv_grad_reduce", 2,
                                 items, local);
    if (!status) status = ocl_step_constants(&op->steps[1], 4, 2, constants);
    if (!status && g->plain_src) status = make_pad(op, g, options);
    if (!status && op->desc.flags & SHUNT_FLAG_BIAS) status = make_bias(op, g, options);
    return status;
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    const grad_weights *g = op->own;
    const shunt_arg padded = {workspace.buffer, workspace.offset + g->padded_offset};
    const shunt_arg pad[] = {inputs[0], padded}, sum[] = {g->plain_src ? padded : inputs[0], inputs[1], workspace};
    const shunt_arg reduce[] = {workspace, outputs[0]}, bias[] = {inputs[1], outputs[1]};
    shunt_status status = g->plain_src ? ocl_step_run(&op->steps[2], queue, 2, pad) : SHUNT_OK;
    if (!status) status = ocl_step_run(&op->steps[0], queue, 3, sum);
    if (!status) status = ocl_step_run(&op->steps[1], queue, 2, reduce);
    if (!status && op->desc.flags & SHUNT_FLAG_BIAS) status = ocl_step_run(&op->steps[3], queue, 2, bias);
    return status;
}

const ocl_algorithm ocl_conv_grad_weights_tile = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS,
                                                  .name = "tile",
                                                  .rank = rank,
                                                  .refuse = refuse,
                                                  .variant = variant,
                                                  .prepare = prepare,
                                                  .launch = launch};
