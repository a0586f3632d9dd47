/* conv_group_winograd.c - 3x3 stride-1 convolution, and its gradient by src, on GPUs by Winograd's minimal filtering: transforms
 * through global memory around products that conv_group.cl computes. See conv_group_winograd.cl. */
#include "conv_group.h"
#include "packs.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct group_winograd {
    group_tile tile;
    conv_dims dims;
    cl_int e2, tiles, row; /* (f + 2)^2 products, of `row` tiles, of which `tiles` there are */
    uint64_t v_bytes, m_bytes, m_offset;
} group_winograd;

enum { SRC, PRODUCT, DST }; /* steps of the op */
enum { MOST_VARIANTS = 4 };

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static group_product product_of(const conv_dims *d, int f)
{
    return (group_product){.count = (f + 2) * (f + 2),
                           .rows = (int64_t)d->N * ceil_div(d->P, f) * ceil_div(d->Q, f),
                           .columns = d->K,
                           .inner = d->C,
                           .most_splits = 1};
}

static group_winograd describe(const ocl_device *device, const shunt_op_desc *desc, int f, const group_tile *tile)
{
    group_winograd w = {.tile = *tile, .dims = ocl_conv_phase(desc, 0).dims, .e2 = (f + 2) * (f + 2)};
    const uint64_t align = device->found.info.alignment, block = device->found.info.block;
    w.tiles = (cl_int)product_of(&w.dims, f).rows;
    w.row = (cl_int)ceil_div(w.tiles, tile->m) * tile->m;
    const uint64_t lane_bytes = sizeof(float) * (uint64_t)w.e2 * (uint64_t)w.row * block;
    w.v_bytes = lane_bytes * (uint64_t)ceil_div(w.dims.C, (int64_t)block);
    w.m_bytes = lane_bytes * (uint64_t)ceil_div(w.dims.K, (int64_t)block);
    w.m_offset = (w.v_bytes + align - 1) / align * align;
    return w;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc, int f)
{
    const shunt_conv_attr *attr = &desc->attr.conv;
    const conv_parts t = ocl_conv_parts(desc);
    const char *reason = ocl_conv_refuse_phases(device, desc);
    group_tile tile;
    if (!reason) reason = ocl_tile_refuse(device);
    if (reason) return reason;
    if (t.weights->dims[2] != 3 || t.weights->dims[3] != 3) return "weights that are not 3x3";
    if (attr->stride[0] != 1 || attr->stride[1] != 1 || attr->dilation[0] != 1 || attr->dilation[1] != 1)
        return "a stride or dilation above 1";
    if (shunt_tensor_block(t.src) != shunt_tensor_block(t.dst)) return "src or dst is not in the device's layout";
    const conv_dims d = ocl_conv_phase(desc, 0).dims;
    const group_product product = product_of(&d, f);
    if (!ocl_tile_choice(device, &product, 0, &tile)) return "no tile suits it";
    const group_winograd w = describe(device, desc, f, &tile);
    if (w.v_bytes / sizeof(float) > INT32_MAX || w.m_bytes / sizeof(float) > INT32_MAX)
        return "2^31 or more transformed elements";
    return w.m_offset + w.m_bytes > device->found.info.max_alloc / 2 ? "more memory than half a buffer" : NULL;
}

static const char *refuse2(const ocl_device *device, const shunt_op_desc *desc)
{
    return refuse(device, desc, 2);
}

static const char *refuse4(const ocl_device *device, const shunt_op_desc *desc)
{
    return refuse(device, desc, 4);
}

/* As on CPUs (conv_winograd.c). */
static const char *refuse_forward4(const ocl_device *device, const shunt_op_desc *desc)
{
    const char *reason = refuse4(device, desc);
    if (reason || desc->constant_inputs & 2) return reason;
    return "weights that learn want smaller rounding errors than those of F(4x4)";
}

/* The estimated gain over the direct convolution. A small one is ignored, since the direct one is more exact. */
static int gain(const ocl_device *device, const shunt_op_desc *desc, int f)
{
    const conv_dims d = ocl_conv_phase(desc, 0).dims;
    const group_product direct = ocl_conv_group_product(desc), products = product_of(&d, f);
    const double floats = (double)d.N * (d.C * (double)d.H * d.W + d.K * (double)d.P * d.Q) +
                          (double)(products.count * products.rows) * (d.C + d.K);
    return (int)(0.8 * OCL_TILE_RANK * ocl_tile_estimate(device, &direct) /
                 (ocl_tile_estimate(device, &products) + ocl_move_estimate(device, floats, 2)));
}

static int rank(const ocl_device *device, const shunt_op_desc *desc, const char *refused, int f)
{
    if (ocl_is_cpu(device)) return -3; /* for the tests */
    return refused ? 0 : gain(device, desc, f);
}

static int rank2(const ocl_device *device, const shunt_op_desc *desc)
{
    return rank(device, desc, refuse2(device, desc), 2);
}

static int rank4(const ocl_device *device, const shunt_op_desc *desc)
{
    return rank(device, desc, refuse4(device, desc), 4);
}

static int rank_forward4(const ocl_device *device, const shunt_op_desc *desc)
{
    return rank(device, desc, refuse_forward4(device, desc), 4);
}

static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params, int f)
{
    const conv_dims d = ocl_conv_phase(desc, 0).dims;
    const group_product product = product_of(&d, f);
    group_tile tile;
    if (index >= MOST_VARIANTS || !ocl_tile_choice(device, &product, index, &tile)) return false;
    ocl_tile_params(&tile, params);
    return true;
}

static bool variant2(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    return variant(device, desc, index, params, 2);
}

static bool variant4(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    return variant(device, desc, index, params, 4);
}

static shunt_status make_transforms(shunt_bop *op, const group_winograd *w, const char *options)
{
    const conv_dims *d = &w->dims;
    const uint64_t lanes = sizeof(float) * (uint64_t)w->e2, row = (uint64_t)w->row, tiles = (uint64_t)w->tiles;
    const ocl_constant constants[] = {{sizeof *d, d}, {sizeof w->row, &w->row}, {sizeof w->tiles, &w->tiles}};
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[SRC], &ocl_conv_group_winograd_cl, options,
                                               "group_winograd_src", w->v_bytes / lanes);
    if (!status) status = ocl_step_constants(&op->steps[SRC], 4, 2, constants);
    if (!status)
        status = ocl_step_create_flat(op->device, &op->steps[DST], &ocl_conv_group_winograd_cl, options,
                                      "group_winograd_dst", w->m_bytes / lanes / row * tiles);
    return status ? status : ocl_step_constants(&op->steps[DST], 8, 3, constants);
}

static shunt_status make_pack_step(shunt_bop *op, const ocl_packing *p, const char *options)
{
    const ocl_constant constants[] = {{sizeof p->dims, &p->dims},
                                      {sizeof p->view, &p->view},
                                      {sizeof p->rows, &p->rows},
                                      {sizeof p->width, &p->width}};
    shunt_status status = ocl_step_create_flat(op->device, &op->pack, &ocl_conv_group_winograd_cl, options,
                                               "group_winograd_weights", p->count);
    return status ? status : ocl_step_constants(&op->pack, 4, 4, constants);
}

/* For packs_prepare. */
static shunt_status make_packing(shunt_bop *op, const ocl_packing *p, const char *options)
{
    ocl_packings *made = ocl_packings_make(op, &ocl_conv_group_winograd_cl, "group_winograd_packs", 1);
    if (!made) return ocl_fail_memory();
    ocl_add_option(made->options, "%s", options);
    made->list[made->count++] = *p;
    return SHUNT_OK;
}

static shunt_status make_pack(shunt_bop *op, const group_winograd *w, const char *options)
{
    char format[SHUNT_PARAMS_CHARS];
    const cl_int rows = (cl_int)ceil_div(w->dims.C, w->tile.k) * w->tile.k, width = w->tile.n;
    const uint64_t size = (uint64_t)(ceil_div(w->dims.K, width) * width) * (uint64_t)rows;
    const ocl_packing packing = {
        .dims = w->dims, .view = ocl_conv_phase(&op->desc, 0).weights, .count = size, .rows = rows, .width = width};
    shunt_status status =
        ocl_conv_packs_ahead(op) ? make_packing(op, &packing, options) : make_pack_step(op, &packing, options);
    if (status) return status;
    snprintf(format, sizeof format, "group e2=%d tn=%d tk=%d", w->e2, w->tile.n, w->tile.k);
    ocl_conv_packed(op, format, sizeof(float) * (uint64_t)w->e2 * size);
    return SHUNT_OK;
}

static shunt_status prepare(shunt_bop *op, int f)
{
    char options[OCL_OPTIONS_CHARS] = "";
    group_tile tile;
    shunt_status status = ocl_tile_read(op->info.params, &tile);
    if (status) return status;
    group_winograd *w = malloc(sizeof *w);
    if (!w) return ocl_fail_memory();
    op->own = w;
    *w = describe(op->device, &op->desc, f, &tile);
    ocl_conv_inplace(op);
    op->info.error_scale = OCL_WINOGRAD_ERROR;
    op->info.workspace = w->m_offset + w->m_bytes;
    ocl_add_option(options, "-DB=%u -DV=1 -DWG=%zu -DF=%d", op->device->found.info.block, ocl_group(op->device), f);
    status = make_transforms(op, w, options);
    if (!status) status = ocl_conv_group_batch(op, &op->steps[PRODUCT], &tile, w->e2, w->dims.C, w->dims.K, w->row);
    return status ? status : make_pack(op, w, options);
}

static shunt_status prepare2(shunt_bop *op)
{
    return prepare(op, 2);
}

static shunt_status prepare4(shunt_bop *op)
{
    return prepare(op, 4);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    const group_winograd *w = op->own;
    const shunt_arg v = workspace, m = {workspace.buffer, workspace.offset + w->m_offset};
    shunt_arg tensors[5];
    ocl_conv_tensors(op, inputs, outputs, workspace, tensors);
    const shunt_arg src[] = {tensors[0], v}, product[] = {v, tensors[1], v, v, m, m},
                    dst[] = {m, tensors[2], tensors[3], tensors[4]};
    shunt_status status = ocl_conv_pack(op, &op->pack, queue, inputs, workspace);
    if (!status) status = ocl_step_run(&op->steps[SRC], queue, 2, src);
    if (!status) status = ocl_step_run(&op->steps[PRODUCT], queue, 6, product);
    return status ? status : ocl_step_run(&op->steps[DST], queue, 4, dst);
}

static const char float32_only[] = "Winograd's products are kept in float32";

const ocl_algorithm ocl_conv_group_winograd2 = {.kind = SHUNT_OP_CONV,
                                                .name = "winograd2_group",
                                                .float32_only = float32_only,
                                                .rank = rank2,
                                                .refuse = refuse2,
                                                .variant = variant2,
                                                .prepare = prepare2,
                                                .launch = launch};
const ocl_algorithm ocl_conv_group_winograd4 = {.kind = SHUNT_OP_CONV,
                                                .name = "winograd4_group",
                                                .float32_only = float32_only,
                                                .rank = rank_forward4,
                                                .refuse = refuse_forward4,
                                                .variant = variant4,
                                                .prepare = prepare4,
                                                .launch = launch};
const ocl_algorithm ocl_conv_grad_src_group_winograd2 = {.kind = SHUNT_OP_CONV_GRAD_SRC,
                                                         .name = "winograd2_group",
                                                         .float32_only = float32_only,
                                                         .rank = rank2,
                                                         .refuse = refuse2,
                                                         .variant = variant2,
                                                         .prepare = prepare2,
                                                         .launch = launch};
const ocl_algorithm ocl_conv_grad_src_group_winograd4 = {.kind = SHUNT_OP_CONV_GRAD_SRC,
                                                         .name = "winograd4_group",
                                                         .float32_only = float32_only,
                                                         .rank = rank4,
                                                         .refuse = refuse4,
                                                         .variant = variant4,
                                                         .prepare = prepare4,
                                                         .launch = launch};
