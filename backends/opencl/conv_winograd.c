/* conv_winograd.c - 3x3 stride-1 convolution, and its gradient by src, on CPUs by Winograd's minimal filtering: fewer
 * multiplications, larger weights.
 * "fused": one kernel with its intermediate results in local memory; "staged": three kernels over strips of tiles; "sliced": the
 * same for data of 16 bits, whose weights are transformed where they are used. */
#include "conv_phase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same fields as in conv_winograd.cl. */
typedef struct winograd_cut {
    cl_int first, count, chunk, slice;
} winograd_cut;

typedef enum winograd_way { FUSED, STAGED, SLICED } winograd_way;

static const struct {
    const char *name, *option;
} ways[] = {[FUSED] = {"fused", " -DFUSED"}, [STAGED] = {"staged", ""}, [SLICED] = {"sliced", " -DSLICED"}};

typedef struct winograd {
    conv_dims dims;
    winograd_cut cut;
    cl_int product_chunk; /* sliced: tiles that an item multiplies */
    cl_int f, e2;         /* an f x f patch of dst takes e2 = (f + 2)^2 products */
    cl_int block, m, n;   /* m tiles by n vectors of `block` channels */
    cl_int src_block, dst_block;
    winograd_way way;
    cl_int tiles, strip, c_blocks, k_blocks, groups;
    uint64_t m_offset; /* of the products in the workspace, behind the transformed src */
} winograd;

enum {
    L2_BYTES = 1 << 20, /* of a core; OpenCL does not tell */
    STRIP_BYTES = 8 * L2_BYTES,
    STAGED_CHUNK = 30,
    /* Sliced: for the transformed weights of a slice; for the sums of an item between slices. */
    SLICE_BYTES = L2_BYTES / 2,
    SUMS_BYTES = L2_BYTES / 8 * 3,
    /* Multiply-adds that pass while one weight comes from memory. */
    WEIGHT_COST = 40,
    TRANSFORM_COST = 8,
};

static cl_int ceil_div(cl_int a, cl_int b)
{
    return (a + b - 1) / b;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_conv_attr *attr = &desc->attr.conv;
    const char *reason = ocl_conv_refuse_tiles(device);
    if (!reason) reason = ocl_conv_refuse_phases(device, desc);
    if (reason) return reason;
    const conv_parts t = ocl_conv_parts(desc);
    if (t.weights->dims[2] != 3 || t.weights->dims[3] != 3) return "weights that are not 3x3";
    if (attr->stride[0] != 1 || attr->stride[1] != 1 || attr->dilation[0] != 1 || attr->dilation[1] != 1)
        return "a stride or dilation above 1";
    if (!ocl_conv_takes_block(device, t.src) || !ocl_conv_takes_block(device, t.dst))
        return "src or dst is not in the device's layout";
    return NULL;
}

static int64_t count_tiles(const shunt_tensor_desc *dst, int f)
{
    return dst->dims[0] * ((dst->dims[2] + f - 1) / f) * ((dst->dims[3] + f - 1) / f);
}

/* The estimated gain over the direct convolution, counted in multiply-adds per pair of channels. A small gain is ignored, since
 * the direct one is more exact. Weights that change are written when they are packed, which moves twice the bytes. */
static int estimate(const shunt_op_desc *desc, int f)
{
    const shunt_tensor_desc *dst = &desc->outputs[0];
    const conv_parts t = ocl_conv_parts(desc);
    const double C = (double)t.src->dims[1], K = (double)t.dst->dims[1], e2 = (f + 2) * (f + 2);
    const double pixels = (double)(dst->dims[0] * dst->dims[2] * dst->dims[3]), tiles = (double)count_tiles(dst, f);
    const double pack = desc->kind == SHUNT_OP_CONV && desc->constant_inputs & 2 ? 0 : 2 * WEIGHT_COST;
    const double direct = 9 * ((pixels > WEIGHT_COST ? pixels : WEIGHT_COST) + pack);
    const double transforms = TRANSFORM_COST * tiles * (1 / K + 1 / C);
    return (int)(0.8 * OCL_TILE_RANK * direct /
                 (e2 * ((tiles > WEIGHT_COST ? tiles : WEIGHT_COST) + transforms + pack)));
}

static int rank2(const ocl_device *device, const shunt_op_desc *desc)
{
    return refuse(device, desc) ? 0 : estimate(desc, 2);
}

/* In training a forward pass whose errors are some ten times larger puts a hundred times as many pre-activations on the other
 * side of ReLU's kink, and a gradient is off by the root of their share: 1.4 % in ResNet-20 instead of under 1 %. Gradients
 * themselves have no kink. */
static const char *refuse_forward4(const ocl_device *device, const shunt_op_desc *desc)
{
    const char *reason = refuse(device, desc);
    if (reason || desc->constant_inputs & 2) return reason;
    return "the rounding errors of F(4x4) are too large for weights that are trained";
}

static int rank_forward4(const ocl_device *device, const shunt_op_desc *desc)
{
    return refuse_forward4(device, desc) ? 0 : estimate(desc, 4);
}

static int rank4(const ocl_device *device, const shunt_op_desc *desc)
{
    return refuse(device, desc) ? 0 : estimate(desc, 4);
}

static uint64_t v_floats(const winograd *w, cl_int tiles)
{
    return (uint64_t)w->e2 * ((uint64_t)w->c_blocks * (uint64_t)tiles + 1) * (uint64_t)w->block;
}

static uint64_t m_floats(const winograd *w, cl_int blocks, cl_int tiles)
{
    return (uint64_t)w->e2 * ((uint64_t)blocks * (uint64_t)tiles + 1) * (uint64_t)w->block;
}

/* Floats of local memory for a chunk. */
static uint64_t local_floats(const winograd *w, cl_int chunk)
{
    return v_floats(w, chunk) + m_floats(w, w->n, chunk);
}

/* The chunk of tiles and slice of channels with the least estimated time of the busiest unit, while local memory stays in
 * the second-level cache. false: not even the smallest fits. */
static bool cut_fused(winograd *w, const ocl_limits *limits)
{
    const double u_bytes = 4.0 * w->e2 * w->dims.C * w->n * w->block; /* of one group */
    const double u_rate = u_bytes * w->groups < 0.7 * L2_BYTES ? 32 : 12;
    double best = 0;
    for (cl_int chunk = w->m; chunk < w->tiles + w->m; chunk += w->m) {
        const uint64_t bytes = 4 * local_floats(w, chunk);
        if (bytes > limits->local || bytes > L2_BYTES * 7 / 8 || (bytes > L2_BYTES / 2 && chunk > 3 * w->m)) break;
        for (cl_int slice = 1; slice <= w->groups; slice++) {
            const double multiply = 0.5 * chunk * w->e2 * w->dims.C * w->n;
            const double group = multiply + u_bytes / u_rate + 4.0 * chunk * w->n * w->e2;
            const double item = 8.0 * chunk * w->c_blocks * w->e2 + slice * group;
            const cl_int items = ceil_div(w->tiles, chunk) * ceil_div(w->groups, slice);
            const double cost = item * ceil_div(items, (cl_int)limits->units);
            if (best > 0 && cost >= best) continue;
            best = cost;
            w->cut = (winograd_cut){.count = w->tiles, .chunk = chunk, .slice = slice};
        }
    }
    return best > 0;
}

/* Strips whose intermediate results take at most STRIP_BYTES, of equal size. */
static void cut_staged(winograd *w)
{
    const uint64_t per_tile = 4 * (uint64_t)(w->e2 * w->block) * (uint64_t)(w->c_blocks + w->groups * w->n);
    const uint64_t fit = STRIP_BYTES / per_tile;
    const cl_int most = fit < (uint64_t)w->m ? w->m : fit > (uint64_t)w->tiles ? w->tiles : (cl_int)fit;
    w->strip = ceil_div(ceil_div(w->tiles, ceil_div(w->tiles, most)), w->m) * w->m;
    w->cut.chunk = ceil_div(ceil_div(w->strip, ceil_div(w->strip, STAGED_CHUNK)), w->m) * w->m;
}

/* Floats of local memory for the transformed weights of a slice. */
static uint64_t slice_floats(const winograd *w)
{
    return (uint64_t)w->e2 * ((uint64_t)w->cut.slice * (uint64_t)w->n + 1) * (uint64_t)w->block;
}

/* false: not even the smallest slice fits. */
static bool cut_sliced(winograd *w, const ocl_limits *limits)
{
    const cl_int bytes = 4 * w->e2 * w->n * w->block;                /* of a channel's weights, or a tile's sums */
    const uint64_t spare = 4 * (uint64_t)w->e2 * (uint64_t)w->block; /* slice_floats */
    const uint64_t local = limits->local > spare ? limits->local - spare : 0;
    const uint64_t room = local < SLICE_BYTES ? local : SLICE_BYTES;
    const cl_int fit = (cl_int)(room / (uint64_t)bytes) / w->block, most = SUMS_BYTES / bytes, tiles = w->strip;
    const cl_int blocks = fit < 1 ? 1 : fit < w->c_blocks ? fit : w->c_blocks;
    w->cut.slice = ceil_div(w->c_blocks, ceil_div(w->c_blocks, blocks)) * w->block;
    w->product_chunk = ceil_div(ceil_div(tiles, ceil_div(tiles, most < w->m ? w->m : most)), w->m) * w->m;
    return 4 * slice_floats(w) <= limits->local;
}

static bool describe(const ocl_device *device, const shunt_op_desc *desc, int f, const char *params, winograd *w)
{
    char how[8];
    memset(w, 0, sizeof *w);
    if (sscanf(params, "m=%d n=%d %7s", &w->m, &w->n, how) != 3) return false;
    w->dims = ocl_conv_phase(desc, 0).dims;
    w->f = f;
    w->e2 = (f + 2) * (f + 2);
    w->block = (cl_int)device->found.info.block;
    w->src_block = (cl_int)shunt_tensor_block(&desc->inputs[desc->kind == SHUNT_OP_CONV ? 0 : 1]);
    w->dst_block = (cl_int)shunt_tensor_block(&desc->outputs[0]);
    w->way = !strcmp(how, ways[FUSED].name) ? FUSED : !strcmp(how, ways[SLICED].name) ? SLICED : STAGED;
    w->tiles = (cl_int)count_tiles(&desc->outputs[0], f);
    w->c_blocks = ceil_div(w->dims.C, w->block);
    w->k_blocks = ceil_div(w->dims.K, w->dst_block) * (w->dst_block / w->block);
    w->groups = ceil_div(w->k_blocks, w->n);
    if (w->way == FUSED) return cut_fused(w, &device->found.limits);
    cut_staged(w);
    return w->way == STAGED || cut_sliced(w, &device->found.limits);
}

/* Register tiles: m tiles of src by n vectors of channels, no more of these than there are. */
static const char *shape_of(int64_t block, int64_t K)
{
    if (K <= block) return "m=12 n=1";
    if (block < 16) return "m=6 n=2";
    return K <= 2 * block ? "m=12 n=2" : "m=6 n=4";
}

/* Of the m that need no more than the registers, the one of the least time: m tiles take some m + 2, as weights are read. */
static void sliced_params(const ocl_device *device, const shunt_op_desc *desc, int f, char *params)
{
    const int64_t tiles = count_tiles(&desc->outputs[0], f);
    int best = 6;
    if (device->found.info.block == 16) {
        best = 12;
        for (int m = 10; m >= 8; m -= 2)
            if ((tiles + m - 1) / m * (m + 2) < (tiles + best - 1) / best * (best + 2)) best = m;
    }
    snprintf(params, SHUNT_PARAMS_CHARS, "m=%d n=%d sliced", best,
             desc->outputs[0].dims[1] <= device->found.info.block ? 1 : 2);
}

/* Fused first while the transformed weights fit the cache, since each item reads them all; not where it does not fit the
 * local memory. */
static bool variant(const ocl_device *device, const shunt_op_desc *desc, int f, uint32_t index, char *params)
{
    const conv_parts t = ocl_conv_parts(desc);
    const char *shape = shape_of(device->found.info.block, desc->outputs[0].dims[1]);
    const int64_t u_bytes = 4 * 36 * t.src->dims[1] * t.dst->dims[1];
    const bool narrow = t.src->dtype != SHUNT_F32;
    winograd w;
    snprintf(params, SHUNT_PARAMS_CHARS, "%s fused", shape);
    const bool fits = describe(device, desc, 4, params, &w), fused_first = fits && u_bytes <= 4 * L2_BYTES;
    if (index >= (fits ? 2 : 1)) return false;
    if ((index == 0) == fused_first) return true;
    if (narrow)
        sliced_params(device, desc, f, params);
    else
        snprintf(params, SHUNT_PARAMS_CHARS, "%s staged", shape);
    return describe(device, desc, f, params, &w);
}

static bool variant2(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    return variant(device, desc, 2, index, params);
}

static bool variant4(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    return variant(device, desc, 4, index, params);
}

static shunt_status make_pack(shunt_bop *op, const winograd *w, const char *options)
{
    const uint64_t items[] = {(uint64_t)w->n, (uint64_t)ceil_div(w->dims.C, OCL_PACK_CHANNELS), (uint64_t)w->groups};
    const uint64_t c_even = (uint64_t)(w->dims.C + 1) / 2 * 2, lanes = (uint64_t)(w->n * w->block * w->groups);
    const uint64_t each = w->way == SLICED ? 9 * sizeof(uint16_t) : (uint64_t)w->e2 * sizeof(float);
    const size_t local[] = {1, 1, 1};
    const conv_view view = ocl_conv_phase(&op->desc, 0).weights;
    const ocl_constant constants[] = {
        {sizeof w->dims.K, &w->dims.K}, {sizeof w->dims.C, &w->dims.C}, {sizeof view, &view}};
    char format[SHUNT_PARAMS_CHARS];
    shunt_status status = ocl_step_create(op->device, &op->pack, &ocl_conv_winograd_cl, options,
                                          w->way == SLICED ? "winograd_pack" : "winograd_weights", 3, items, local);
    if (!status) status = ocl_step_constants(&op->pack, 4, 3, constants);
    if (status) return status;
    if (w->way == SLICED)
        snprintf(format, sizeof format, "winograd b=%d n=%d", w->block, w->n);
    else
        snprintf(format, sizeof format, "winograd%d b=%d n=%d", w->f, w->block, w->n);
    ocl_conv_packed(op, format, lanes * c_even * each);
    return SHUNT_OK;
}

static shunt_status make_fused(shunt_bop *op, const winograd *w, const char *options)
{
    const uint64_t items[] = {(uint64_t)ceil_div(w->groups, w->cut.slice), (uint64_t)ceil_div(w->tiles, w->cut.chunk)};
    const size_t local[] = {1, 1};
    const ocl_constant constants[] = {
        {4 * local_floats(w, w->cut.chunk), NULL}, {sizeof w->dims, &w->dims}, {sizeof w->cut, &w->cut}};
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], &ocl_conv_winograd_cl, options, "winograd_fused", 2, items, local);
    return status ? status : ocl_step_constants(&op->steps[0], 10, 3, constants);
}

/* The geometry and cut are set strip by strip, at launch. */
static shunt_status make_staged(shunt_bop *op, winograd *w, const char *options)
{
    const char *const kernels[] = {"winograd_src", w->way == SLICED ? "winograd_slices" : "winograd_multiply",
                                   "winograd_dst"};
    const cl_uint dims[] = {2, 3, 2}, tensors[] = {2, 3, 4};
    const uint64_t items[] = {1, 1, 1};
    const size_t local[] = {1, 1, 1};
    const ocl_constant constants[] = {{sizeof w->dims, &w->dims}};
    shunt_status status = SHUNT_OK;
    for (int i = 0; i < 3 && !status; i++) {
        status = ocl_step_create(op->device, &op->steps[i], &ocl_conv_winograd_cl, options, kernels[i], dims[i], items,
                                 local);
        if (!status) status = ocl_step_constants(&op->steps[i], 2 * tensors[i], 1, constants);
    }
    const ocl_constant scratch = {4 * slice_floats(w), NULL};
    if (!status && w->way == SLICED) status = ocl_step_constants(&op->steps[1], 2 * tensors[1] + 2, 1, &scratch);
    const uint64_t align = op->device->found.info.alignment;
    w->m_offset = (4 * v_floats(w, w->strip) + align - 1) / align * align;
    op->info.workspace = w->m_offset + 4 * m_floats(w, w->groups * w->n, w->strip);
    return status;
}

static shunt_status prepare(shunt_bop *op, int f)
{
    char options[OCL_OPTIONS_CHARS] = "";
    winograd *w = malloc(sizeof *w);
    if (!w) return ocl_fail_memory();
    op->own = w;
    if (!describe(op->device, &op->desc, f, op->info.params, w))
        return ocl_fail(SHUNT_E_UNSUPPORTED, "parameters \"%s\" need more local memory than there is", op->info.params);
    ocl_conv_inplace(op);
    op->info.error_scale = OCL_WINOGRAD_ERROR;
    ocl_add_option(options, "-DB=%d -DSB=%d -DV=%d -DM=%d -DKB=%d -DF=%d%s", w->dst_block, w->src_block, w->block, w->m,
                   w->n, f, ways[w->way].option);
    shunt_status status = w->way == FUSED ? make_fused(op, w, options) : make_staged(op, w, options);
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

static shunt_status run_strip(shunt_bop *op, shunt_bqueue *queue, const shunt_arg tensors[5], shunt_arg workspace)
{
    const winograd *w = op->own;
    const cl_int rounded = ceil_div(w->cut.count, w->m) * w->m, chunks = ceil_div(rounded, w->cut.chunk);
    const bool sliced = w->way == SLICED;
    winograd_cut cuts[] = {w->cut, w->cut, w->cut};
    if (sliced) cuts[1].chunk = w->product_chunk;
    const size_t global[3][3] = {
        {(size_t)chunks, (size_t)w->c_blocks, 1},
        {(size_t)ceil_div(rounded, cuts[1].chunk), (size_t)w->groups, sliced ? 1 : (size_t)w->e2},
        {(size_t)ceil_div(w->cut.count, w->cut.chunk), (size_t)w->k_blocks, 1},
    };
    const shunt_arg v = workspace, m = {workspace.buffer, workspace.offset + w->m_offset};
    const shunt_arg args[3][4] = {{tensors[0], v}, {v, tensors[1], m}, {m, tensors[2], tensors[3], tensors[4]}};
    const cl_uint counts[] = {2, 3, 4};
    shunt_status status = SHUNT_OK;
    for (int i = 0; i < 3 && !status; i++) {
        const ocl_constant cut = {sizeof cuts[i], &cuts[i]};
        memcpy(op->steps[i].global, global[i], sizeof global[i]);
        status = ocl_step_constants(&op->steps[i], 2 * counts[i] + 1, 1, &cut);
        if (!status) status = ocl_step_run(&op->steps[i], queue, counts[i], args[i]);
    }
    return status;
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    shunt_arg tensors[5];
    winograd *w = op->own;
    ocl_conv_tensors(op, inputs, outputs, workspace, tensors);
    shunt_status status = ocl_conv_pack(op, &op->pack, queue, inputs, workspace);
    if (status || w->way == FUSED) return status ? status : ocl_step_run(&op->steps[0], queue, 5, tensors);
    for (w->cut.first = 0; w->cut.first < w->tiles && !status; w->cut.first += w->strip) {
        const cl_int left = w->tiles - w->cut.first;
        w->cut.count = left < w->strip ? left : w->strip;
        status = run_strip(op, queue, tensors, workspace);
    }
    return status;
}

const ocl_algorithm ocl_conv_winograd2 = {.kind = SHUNT_OP_CONV,
                                          .name = "winograd2",
                                          .rank = rank2,
                                          .refuse = refuse,
                                          .variant = variant2,
                                          .prepare = prepare2,
                                          .launch = launch};
const ocl_algorithm ocl_conv_winograd4 = {.kind = SHUNT_OP_CONV,
                                          .name = "winograd4",
                                          .rank = rank_forward4,
                                          .refuse = refuse_forward4,
                                          .variant = variant4,
                                          .prepare = prepare4,
                                          .launch = launch};
const ocl_algorithm ocl_conv_grad_src_winograd2 = {.kind = SHUNT_OP_CONV_GRAD_SRC,
                                                   .name = "winograd2",
                                                   .rank = rank2,
                                                   .refuse = refuse,
                                                   .variant = variant2,
                                                   .prepare = prepare2,
                                                   .launch = launch};
const ocl_algorithm ocl_conv_grad_src_winograd4 = {.kind = SHUNT_OP_CONV_GRAD_SRC,
                                                   .name = "winograd4",
                                                   .rank = rank4,
                                                   .refuse = refuse,
                                                   .variant = variant4,
                                                   .prepare = prepare4,
                                                   .launch = launch};
