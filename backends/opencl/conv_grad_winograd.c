/* conv_grad_winograd.c - the gradient by its weights of a 3x3 stride-1 convolution on CPUs, by Winograd's F(4x4,3x3). */
#include "conv_grad.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    F = 4,
    PRODUCTS = (F + 2) * (F + 2),
    L2_BYTES = 1 << 20, /* of a core; OpenCL does not tell */
    MAX_CHUNK = 32,     /* tiles; as many hide the reading and writing of the sums */
    ENOUGH_ITEMS = 32,
    SPLIT_TILES = 64,  /* at least, in a split, so that the last transform costs little */
    TRANSFORM_COST = 8 /* in multiply-adds per element */
};

static cl_int ceil_div(cl_int a, cl_int b)
{
    return (a + b - 1) / b;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_conv_attr *attr = &desc->attr.conv;
    const conv_parts t = ocl_conv_parts(desc);
    const char *reason = ocl_conv_grad_refuse(device, desc);
    if (reason) return reason;
    if (!ocl_conv_takes_block(device, t.src)) return "src is not in the device's layout";
    if (t.weights->dims[2] != 3 || t.weights->dims[3] != 3) return "weights that are not 3x3";
    if (attr->stride[0] != 1 || attr->stride[1] != 1 || attr->dilation[0] != 1 || attr->dilation[1] != 1)
        return "a stride or dilation above 1";
    return NULL;
}

static uint64_t scratch_floats(const conv_grad *g, cl_int chunk)
{
    const uint64_t vectors = (uint64_t)((g->m / g->block + g->n) * chunk + 2) + (uint64_t)(g->m * g->n);
    return PRODUCTS * vectors * (uint64_t)g->block;
}

/* false: not even a few tiles fit the local memory. */
static bool describe(const ocl_device *device, const shunt_op_desc *desc, const char *params, conv_grad *g)
{
    const uint64_t most = L2_BYTES * 7 / 8, local = device->found.limits.local, fit = local < most ? local : most;
    *g = (conv_grad){.block = (cl_int)device->found.info.block, .dims = ocl_conv_dims(desc), .cut.taps = 9};
    if (sscanf(params, "c=%d k=%d", &g->m, &g->n) != 2) return false;
    const conv_dims *d = &g->dims;
    const cl_int tiles = d->N * ceil_div(d->P, F) * ceil_div(d->Q, F);
    g->parts = ceil_div(d->C, g->m);
    g->groups = ceil_div(ceil_div(d->K, g->block), g->n);
    for (g->cut.chunk = MAX_CHUNK; g->cut.chunk > 4 && 4 * scratch_floats(g, g->cut.chunk) > fit;) g->cut.chunk -= 4;
    ocl_conv_grad_split(g, tiles, SPLIT_TILES, ENOUGH_ITEMS);
    return 4 * scratch_floats(g, g->cut.chunk) <= fit;
}

/* Channels of a part: more mean fewer transforms, and less room for tiles in the cache. */
static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    const conv_parts t = ocl_conv_parts(desc);
    const int block = (int)device->found.info.block, C = (int)t.src->dims[1];
    const int most = 4 >> index, m = ceil_div(C, block) < most ? ceil_div(C, block) : most;
    conv_grad g;
    if (index > 1 || (index > 0 && C <= 2 * block)) return false;
    snprintf(params, SHUNT_PARAMS_CHARS, "c=%d k=%d", m * block, t.dst->dims[1] <= block ? 1 : 2);
    return describe(device, desc, params, &g);
}

/* The estimated gain over the direct sum, counted in multiply-adds per pair of channels. */
static int rank(const ocl_device *device, const shunt_op_desc *desc)
{
    char params[SHUNT_PARAMS_CHARS];
    conv_grad g;
    if (refuse(device, desc) || !variant(device, desc, 0, params) || !describe(device, desc, params, &g)) return 0;
    const conv_dims *d = &g.dims;
    const double pixels = (double)d->N * d->P * d->Q, tiles = (double)d->N * ceil_div(d->P, F) * ceil_div(d->Q, F);
    const double transforms = TRANSFORM_COST * (1.0 / g.m + 1.0 / (g.n * g.block));
    return (int)(0.8 * OCL_TILE_RANK * 9 * pixels / (PRODUCTS * tiles * (1 + transforms)));
}

static shunt_status prepare(shunt_bop *op)
{
    char options[OCL_OPTIONS_CHARS] = "";
    conv_grad *g = malloc(sizeof *g);
    if (!g) return ocl_fail_memory();
    op->own = g;
    if (!describe(op->device, &op->desc, op->info.params, g))
        return ocl_fail(SHUNT_E_UNSUPPORTED, "parameters \"%s\" need more local memory than there is", op->info.params);
    op->info.error_scale = OCL_WINOGRAD_ERROR;
    const ocl_constant scratch = {4 * scratch_floats(g, g->cut.chunk), NULL};
    ocl_add_option(options, "-DB=%d -DSB=%d -DV=%d -DMC=%d -DKB=%d -DRM=%d -DF=%d",
                   (int)shunt_tensor_block(&op->desc.inputs[1]), (int)shunt_tensor_block(&op->desc.inputs[0]), g->block,
                   g->m, g->n, g->block / g->n, F);
    shunt_status status = ocl_conv_grad_steps(op, g, &ocl_conv_grad_winograd_cl, options, "conv_grad_winograd");
    return status ? status : ocl_step_constants(&op->steps[0], 8, 1, &scratch);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    return ocl_conv_grad_run(op, queue, inputs[0], inputs[1], outputs, workspace);
}

const ocl_algorithm ocl_conv_grad_weights_winograd4 = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS,
                                                       .name = "winograd4",
                                                       .rank = rank,
                                                       .refuse = refuse,
                                                       .variant = variant,
                                                       .prepare = prepare,
                                                       .launch = launch};
