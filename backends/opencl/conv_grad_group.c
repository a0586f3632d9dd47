/* conv_grad_group.c - the gradient of a convolution by its weights for GPUs: products of matrices by work-groups, the pixels split
 * among as many as the device wants, and the parts added up in their order. See conv_grad_group.cl. */
#include "conv_grad_group.h"

#include <stdlib.h>

enum {
    MAX_PARTIAL_BYTES = 64 << 20,
    MAX_SPLITS = 256,
    SUM = 1, /* which of the op's steps adds up the splits, and which makes diff_bias */
    BIAS = 2,
};

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static bool is_plain(const ocl_device *device, const shunt_op_desc *desc)
{
    return shunt_tensor_block(&desc->inputs[0]) != device->found.info.block;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const conv_parts t = ocl_conv_parts(desc);
    const char *reason = ocl_conv_refuse(desc);
    if (!reason) reason = ocl_tile_refuse(device);
    if (reason) return reason;
    if (desc->attr.conv.groups > 1) return "more than one group of channels";
    if (shunt_tensor_block(t.dst) != device->found.info.block) return "diff_dst is not in the device's layout";
    if (is_plain(device, desc) && t.src->block != SHUNT_PLAIN) return "src is neither in the device's layout nor plain";
    if (shunt_tensor_storage(t.src) > INT32_MAX || shunt_tensor_storage(t.dst) > INT32_MAX)
        return "2^31 or more elements of src or diff_dst";
    if (shunt_tensor_storage(t.weights) > INT32_MAX / 2) return "2^30 or more weights";
    return NULL;
}

/* On a CPU, where a barrier costs more than local memory brings, the last choice. */
static int rank(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)desc;
    return ocl_is_cpu(device) ? -2 : OCL_TILE_RANK;
}

/* How the sums are laid out; pixels and splits are not known yet. */
static group_grad layout_of(const ocl_device *device, const shunt_op_desc *desc)
{
    const conv_dims d = ocl_conv_dims(desc);
    const cl_int window = d.R * d.S;
    group_grad g = {.taps = window, .columns = d.C};
    if (is_plain(device, desc)) g = (group_grad){.taps = 1, .columns = d.C * window};
    g.stride = (cl_int)ceil_div(g.columns, 4) * 4;
    return g;
}

static uint64_t partial_bytes(const group_grad *g, const conv_dims *d)
{
    return sizeof(float) * (uint64_t)g->taps * (uint64_t)d->K * (uint64_t)g->stride;
}

group_product ocl_grad_product(const group_grad *g, const conv_dims *d)
{
    const uint64_t fit = MAX_PARTIAL_BYTES / partial_bytes(g, d);
    return (group_product){.count = g->taps,
                           .rows = d->K,
                           .columns = g->columns,
                           .inner = (int64_t)d->N * d->P * d->Q,
                           .partial = true,
                           .most_splits = fit < 1            ? 1
                                          : fit > MAX_SPLITS ? MAX_SPLITS
                                                             : (cl_int)fit};
}

void ocl_grad_split(group_grad *g, const conv_dims *d, cl_int step, cl_int splits)
{
    const int64_t steps = ceil_div((int64_t)d->N * d->P * d->Q, step), share = ceil_div(steps, splits);
    g->pixels = (cl_int)share * step;
    g->splits = (cl_int)ceil_div(steps, share);
}

static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    const conv_dims d = ocl_conv_dims(desc);
    const group_grad g = layout_of(device, desc);
    group_product product = ocl_grad_product(&g, &d);
    group_tile tile;
    product.gathers = is_plain(device, desc);
    if (!ocl_tile_choice(device, &product, index, &tile)) return false;
    ocl_tile_params(&tile, params);
    return true;
}

/* ---- What adds up ---- */

static shunt_status make_bias(shunt_bop *op, const conv_dims *d, const char *options)
{
    const size_t local = ocl_group(op->device);
    const uint64_t items = local * (uint64_t)ceil_div(d->K, 4);
    const ocl_constant constants[] = {{sizeof *d, d}};
    shunt_status status = ocl_step_create(op->device, &op->steps[BIAS], &ocl_conv_grad_sum_cl, options,
                                          "conv_grad_bias", 1, &items, &local);
    return status ? status : ocl_step_constants(&op->steps[BIAS], 4, 1, constants);
}

void ocl_grad_sum_options(const ocl_device *device, char *options)
{
    ocl_add_option(options, "-DB=%u -DV=4 -DWG=%zu", device->found.info.block, ocl_group(device));
}

static shunt_status make_sum(shunt_bop *op, const group_grad *g, const conv_dims *d, const char *options)
{
    const ocl_constant constants[] = {{sizeof d->K, &d->K}, {sizeof *g, g}};
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[SUM], &ocl_conv_grad_sum_cl, options,
                                               "conv_grad_sum", (uint64_t)d->K * (uint64_t)g->columns);
    return status ? status : ocl_step_constants(&op->steps[SUM], 4, 2, constants);
}

/* Leaves the parts as output 0. */
static shunt_status leave_parts(shunt_bop *op, const group_grad *g)
{
    op->parts = malloc(sizeof *g);
    if (!op->parts) return ocl_fail_memory();
    *op->parts = *g;
    return SHUNT_OK;
}

shunt_status ocl_grad_sum_make(shunt_bop *op, const group_grad *g, const conv_dims *d)
{
    char options[OCL_OPTIONS_CHARS] = "";
    const bool later = op->later & 1;
    *(later ? &op->info.parts_bytes[0] : &op->info.workspace) = (uint64_t)g->splits * partial_bytes(g, d);
    ocl_grad_sum_options(op->device, options);
    const shunt_status status = later ? leave_parts(op, g) : make_sum(op, g, d, options);
    return status || !(op->desc.flags & SHUNT_FLAG_BIAS) ? status : make_bias(op, d, options);
}

shunt_status ocl_grad_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                             shunt_arg workspace)
{
    const shunt_arg product[] = {inputs[0], inputs[1], op->parts ? outputs[0] : workspace},
                    sum[] = {workspace, outputs[0]}, bias[] = {inputs[1], outputs[1]};
    shunt_status status = ocl_step_run(&op->steps[0], queue, 3, product);
    if (!status && !op->parts) status = ocl_step_run(&op->steps[SUM], queue, 2, sum);
    if (!status && op->desc.flags & SHUNT_FLAG_BIAS) status = ocl_step_run(&op->steps[BIAS], queue, 2, bias);
    return status;
}

/* ---- The algorithm ---- */

static shunt_status prepare(shunt_bop *op)
{
    char options[OCL_OPTIONS_CHARS] = "";
    const conv_dims d = ocl_conv_dims(&op->desc);
    group_grad g = layout_of(op->device, &op->desc);
    group_tile tile;
    shunt_status status = ocl_tile_read(op->info.params, &tile);
    if (status) return status;
    ocl_grad_split(&g, &d, tile.k, tile.splits);
    ocl_tile_options(op->device, &tile, options);
    if (is_plain(op->device, &op->desc)) ocl_add_option(options, " -DPLAIN_SRC");
    const size_t local = (size_t)ocl_tile_items(&tile);
    const uint64_t items =
        local * (uint64_t)(ceil_div(d.K, tile.m) * ceil_div(g.columns, tile.n)) * (uint64_t)g.taps * (uint64_t)g.splits;
    const ocl_constant constants[] = {{sizeof d, &d}, {sizeof g, &g}};
    status = ocl_step_create(op->device, &op->steps[0], &ocl_conv_grad_group_cl, options, "conv_grad_group", 1, &items,
                             &local);
    if (!status) status = ocl_step_constants(&op->steps[0], 6, 2, constants);
    return status ? status : ocl_grad_sum_make(op, &g, &d);
}

const ocl_algorithm ocl_conv_grad_weights_group = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS,
                                                   .name = "group",
                                                   .rank = rank,
                                                   .refuse = refuse,
                                                   .variant = variant,
                                                   .prepare = prepare,
                                                   .launch = ocl_grad_launch};
