/* conv_group.c - the direct convolution for GPUs, and its gradient by src: work-groups that compute tiles through local memory, and
 * do their sums in a fixed order. See conv_group.cl. */
#include "conv_group.h"
#include "packs.h"

#include <stdio.h>
#include <stdlib.h>

/* The same fields as in conv_group.cl. */
typedef struct group_cut {
    cl_int steps, splits;
    cl_long image_weights;
} group_cut;

typedef struct conv_group {
    group_tile tile;
    bool plain_src;
    uint64_t packed; /* elements: of the largest phase, or of all where they are packed ahead */
    char options[OCL_OPTIONS_CHARS];
    phase_steps list[]; /* of the phases */
} conv_group;

enum {
    MAX_WEIGHTS = 1 << 20, /* per output channel; see quotient() in conv_group.cl */
    MOST_PHASES = 16,
    MAX_SPLITS = 32,
    SUM = 1, /* which of the op's steps adds up the parts */
};

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = ocl_phase_src(desc), *dst = &desc->outputs[0];
    const char *reason = ocl_conv_refuse_phases(device, desc);
    if (!reason) reason = ocl_tile_refuse(device);
    if (reason) return reason;
    if (shunt_tensor_block(dst) != device->found.info.block) return "dst is not in the device's layout";
    if (shunt_tensor_block(src) != device->found.info.block &&
        (src->block != SHUNT_PLAIN || desc->kind != SHUNT_OP_CONV))
        return "src is neither in the device's layout nor plain";
    if (shunt_tensor_storage(src) > INT32_MAX || shunt_tensor_storage(dst) > INT32_MAX)
        return "2^31 or more elements of src or dst";
    if ((src->dims[1] + OCL_MAX_TILE_K) * ocl_inner_count(ocl_conv_parts(desc).weights, 2) >= MAX_WEIGHTS)
        return "2^20 or more weights per output channel";
    return ocl_conv_phases(desc) > MOST_PHASES ? "strides whose product is above 16" : NULL;
}

/* On a CPU, where a barrier costs more than local memory brings, the last choice. */
static int rank(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)desc;
    return ocl_is_cpu(device) ? -2 : OCL_TILE_RANK;
}

/* The phases run one after the other, and the first has the most taps: it stands for them. */
group_product ocl_conv_group_product(const shunt_op_desc *desc)
{
    const conv_dims d = ocl_conv_phase(desc, 0).dims;
    return (group_product){.count = 1,
                           .rows = (int64_t)d.N * (d.P > 0 ? d.P : 1) * (d.Q > 0 ? d.Q : 1),
                           .columns = d.K,
                           .inner = (int64_t)d.C * d.R * d.S,
                           .most_splits = MAX_SPLITS};
}

static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    group_product product = ocl_conv_group_product(desc);
    group_tile tile;
    product.gathers = shunt_tensor_block(ocl_phase_src(desc)) != device->found.info.block;
    if (!ocl_tile_choice(device, &product, index, &tile)) return false;
    ocl_tile_params(&tile, params);
    return true;
}

/* Rows of packed weights: whole steps. */
static cl_int packed_rows(const conv_group *g, const conv_phase *phase)
{
    const conv_dims *d = &phase->dims;
    if (phase->taps == 0) return 0;
    return (cl_int)(g->plain_src ? ceil_div((int64_t)d->C * phase->taps, g->tile.k)
                                 : ceil_div(d->C, g->tile.k) * phase->taps) *
           g->tile.k;
}

static shunt_status make_pack(shunt_bop *op, conv_group *g, const conv_phase *phase, ocl_step *step)
{
    const conv_dims *d = &phase->dims;
    const cl_int rows = packed_rows(g, phase);
    const cl_ulong count = (cl_ulong)ceil_div(d->K, g->tile.n) * (cl_ulong)g->tile.n * (cl_ulong)rows;
    const ocl_constant constants[] = {
        {sizeof *d, d}, {sizeof phase->weights, &phase->weights}, {sizeof count, &count}, {sizeof rows, &rows}};
    shunt_status status =
        ocl_step_create_flat(op->device, step, &ocl_conv_group_cl, g->options, "conv_group_pack", count);
    if (count > g->packed) g->packed = count;
    return status ? status : ocl_step_constants(step, 4, 4, constants);
}

/* As make_pack, for packs_prepare. Each phase's begin where the device aligns memory. */
static void add_packing(shunt_bop *op, conv_group *g, const conv_phase *phase, phase_steps *own)
{
    const uint64_t bytes = shunt_dtype_bytes(shunt_op_data_type(&op->desc)),
                   align = op->device->found.info.alignment / bytes;
    const cl_int rows = packed_rows(g, phase);
    const cl_ulong count = (cl_ulong)ceil_div(phase->dims.K, g->tile.n) * (cl_ulong)g->tile.n * (cl_ulong)rows;
    const uint64_t at = (g->packed + align - 1) / align * align;
    op->packings->list[op->packings->count++] = (ocl_packing){.dims = phase->dims,
                                                              .view = phase->weights,
                                                              .dst = at,
                                                              .count = count,
                                                              .rows = rows,
                                                              .width = g->tile.n,
                                                              .step = g->tile.k,
                                                              .plain = g->plain_src};
    own->packed_at = at * bytes;
    own->pack = NULL;
    g->packed = at + count;
}

static shunt_status make_phase(shunt_bop *op, const conv_phase *phase, phase_steps *own)
{
    conv_group *g = op->own;
    const conv_dims *d = &phase->dims;
    const size_t local = (size_t)ocl_tile_items(&g->tile);
    const uint64_t items = local * (uint64_t)g->tile.splits *
                           (uint64_t)(ceil_div((int64_t)d->N * d->P * d->Q, g->tile.m) * ceil_div(d->K, g->tile.n));
    const group_cut cut = {.steps = packed_rows(g, phase) / g->tile.k, .splits = g->tile.splits};
    const ocl_constant constants[] = {{sizeof *d, d}, {sizeof phase->place, &phase->place}, {sizeof cut, &cut}};
    shunt_status status =
        ocl_step_create(op->device, own->conv, &ocl_conv_group_cl, g->options, "conv_group", 1, &items, &local);
    if (!status) status = ocl_step_constants(own->conv, 12, 3, constants);
    if (status || !own->pack) return status;
    if (!op->packings) return make_pack(op, g, phase, own->pack);
    add_packing(op, g, phase, own);
    return SHUNT_OK;
}

shunt_status ocl_conv_group_batch(shunt_bop *op, ocl_step *step, const group_tile *tile, cl_int count, cl_int C,
                                  cl_int K, cl_int row)
{
    char options[OCL_OPTIONS_CHARS] = "";
    const conv_dims d = {.N = count,
                         .C = C,
                         .H = 1,
                         .W = row,
                         .K = K,
                         .P = 1,
                         .Q = row,
                         .R = 1,
                         .S = 1,
                         .stride = {1, 1},
                         .dilation = {1, 1},
                         .groups = 1};
    const conv_place place = {.step = {1, 1}, .size = {1, row}};
    const cl_int steps = (cl_int)ceil_div(C, tile->k);
    const group_cut cut = {
        .steps = steps, .splits = 1, .image_weights = ceil_div(K, tile->n) * tile->n * steps * tile->k};
    const size_t local = (size_t)ocl_tile_items(tile);
    const uint64_t items = local * (uint64_t)count * (uint64_t)(row / tile->m * ceil_div(K, tile->n));
    const ocl_constant constants[] = {{sizeof d, &d}, {sizeof place, &place}, {sizeof cut, &cut}};
    ocl_tile_options(op->device, tile, options);
    shunt_status status =
        ocl_step_create(op->device, step, &ocl_conv_group_cl, options, "conv_group", 1, &items, &local);
    return status ? status : ocl_step_constants(step, 12, 3, constants);
}

static bool make_packings(shunt_bop *op)
{
    ocl_packings *made = ocl_packings_make(op, &ocl_conv_packs_cl, "conv_packs", ocl_conv_phases(&op->desc));
    if (made) ocl_add_option(made->options, "-DB=1 -DV=1 -DWG=%zu", ocl_group(op->device));
    return made;
}

static void destroy(shunt_bop *op)
{
    conv_group *g = op->own;
    if (g) ocl_phases_destroy(op, g->list);
}

static shunt_status prepare(shunt_bop *op)
{
    char packing[SHUNT_PARAMS_CHARS];
    conv_group *g = calloc(1, sizeof *g + ocl_conv_phases(&op->desc) * sizeof *g->list);
    if (!g) return ocl_fail_memory();
    op->own = g;
    g->plain_src = shunt_tensor_block(ocl_phase_src(&op->desc)) != op->device->found.info.block;
    shunt_status status = ocl_tile_read(op->info.params, &g->tile);
    if (status) return status;
    ocl_conv_inplace(op);
    ocl_tile_options(op->device, &g->tile, g->options);
    if (g->plain_src) ocl_add_option(g->options, " -DPLAIN_SRC");
    if (ocl_conv_packs_ahead(op) && !make_packings(op)) return ocl_fail_memory();
    if (g->tile.splits > 1) status = ocl_conv_sum_make(op, &op->steps[SUM], g->tile.splits);
    if (!status) status = ocl_phases_make(op, g->list, make_phase);
    if (status) return status;
    snprintf(packing, sizeof packing, "group tn=%d tk=%d%s", g->tile.n, g->tile.k, g->plain_src ? " plain" : "");
    ocl_conv_packed(op, packing, g->packed * shunt_dtype_bytes(op->desc.outputs[0].dtype));
    return SHUNT_OK;
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    const conv_group *g = op->own;
    ocl_step *sum = g->tile.splits > 1 ? &op->steps[SUM] : NULL;
    return ocl_phases_launch_sums(op, g->list, sum, queue, inputs, outputs, workspace);
}

const ocl_algorithm ocl_conv_group = {.kind = SHUNT_OP_CONV,
                                      .name = "group",
                                      .rank = rank,
                                      .refuse = refuse,
                                      .variant = variant,
                                      .prepare = prepare,
                                      .launch = launch,
                                      .destroy = destroy};
const ocl_algorithm ocl_conv_grad_src_group = {.kind = SHUNT_OP_CONV_GRAD_SRC,
                                               .name = "group",
                                               .rank = rank,
                                               .refuse = refuse,
                                               .variant = variant,
                                               .prepare = prepare,
                                               .launch = launch,
                                               .destroy = destroy};
