/* conv_tile.c - the direct convolution for CPUs, and its gradient by src: register tiles, passes cut so that their weights
 * stay in the cache. Two kernels share tiles, cut and packed weights: conv_point.cl where a pixel of dst is one of src, else
 * conv_tile.cl. */
#include "conv_phase.h"

#include <stdio.h>
#include <stdlib.h>

/* The same fields as in register_tile.cl. */
typedef struct conv_cut {
    cl_int taps, chunk, pass_taps, pass_c;
} conv_cut;

typedef struct conv_tile {
    cl_int lanes, m, n; /* m pixels by n vectors of `lanes` channels */
    cl_int src_block, dst_block;
    cl_int element;                  /* bytes of an element of data */
    int64_t cache;                   /* bytes of it that an item may count on */
    bool narrow;                     /* data of 16 bits */
    bool plain_src, wide_src, point; /* wide_src: of float32, beside such data */
    phase_steps list[];              /* of the phases */
} conv_tile;

enum {
    /* OpenCL does not tell the size of a core's second-level cache. */
    L2_BYTES = 1 << 20,
    MAX_CHUNK = 64,
};

static cl_int ceil_div(cl_int a, cl_int b)
{
    return (a + b - 1) / b;
}

/* Lanes of a vector. */
static int64_t lanes_of(const ocl_device *device)
{
    return device->found.info.block;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = ocl_phase_src(desc);
    shunt_op_desc rest = *desc;
    rest.flags &= ~(uint32_t)SHUNT_FLAG_WIDE_SRC;
    const char *reason = ocl_conv_refuse_tiles(device);
    if (!reason) reason = ocl_conv_refuse_phases(device, &rest);
    if (reason) return reason;
    if (desc->flags & SHUNT_FLAG_WIDE_SRC && src->block != SHUNT_PLAIN) return "a wide src that is not plain";
    if (!ocl_conv_takes_block(device, src) && (src->block != SHUNT_PLAIN || desc->kind != SHUNT_OP_CONV))
        return "src is neither in the device's layout nor plain";
    return NULL;
}

static int rank(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device, (void)desc;
    return OCL_TILE_RANK;
}

static int64_t crossing_tiles(const conv_tile *tile, const conv_dims *d)
{
    return ceil_div(d->N * d->P * d->Q, tile->m);
}

static int64_t point_tiles(const conv_tile *tile, const conv_dims *d)
{
    return (int64_t)d->N * ceil_div(d->P * d->Q, tile->m);
}

/* Groups of n vectors of channels; all lanes of the last block are computed. */
static cl_int count_groups(const conv_tile *tile, const conv_dims *d)
{
    return ceil_div(ceil_div(d->K, tile->dst_block) * (tile->dst_block / tile->lanes), tile->n);
}

static int64_t count_tiles(const conv_tile *tile, const conv_dims *d)
{
    return tile->point ? point_tiles(tile, d) : crossing_tiles(tile, d);
}

/* Whether conv_point.cl can do it, pixel for pixel, in whole vectors; and with at most a 20th more tiles, as none is in two
 * images there. */
static bool is_point(const conv_tile *tile, const conv_phase *phase)
{
    const conv_dims *d = &phase->dims;
    const bool one_to_one = phase->taps == 1 && d->stride[0] == 1 && d->stride[1] == 1 && d->pad[0] == 0 &&
                            d->pad[1] == 0 && d->P == d->H && d->Q == d->W && phase->place.step[0] == 1 &&
                            phase->place.step[1] == 1;
    return one_to_one && !tile->plain_src && d->C % tile->src_block == 0 && d->K % (tile->n * tile->lanes) == 0 &&
           d->P * d->Q >= tile->m && 20 * point_tiles(tile, d) <= 21 * crossing_tiles(tile, d);
}

/* Tiles that fill the registers: 32 of 16 floats, or 16 of 8. One that is wider than K would compute channels in vain; one
 * of few channels is of few pixels, too, since each takes a pointer. */
static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    static const char *const wide[] = {"m=6 n=4", "m=6 n=2", "m=14 n=2"}, *const half[] = {"m=6 n=2", "m=6 n=4"},
                             *const thin[] = {"m=8 n=1", "m=6 n=2"}, *const narrow[] = {"m=6 n=2", "m=4 n=3"};
    const int64_t lanes = lanes_of(device), K = desc->outputs[0].dims[1];
    const char *const *list = K <= lanes ? thin : lanes < 16 ? narrow : K <= 2 * lanes ? half : wide;
    const int64_t parts = shunt_tensor_block(&desc->outputs[0]) / lanes;
    for (uint32_t i = 0; i < (list == wide ? 3 : 2); i++) {
        cl_int m, n;
        if (sscanf(list[i], "m=%d n=%d", &m, &n) != 2 || n % parts || index--) continue;
        snprintf(params, SHUNT_PARAMS_CHARS, "%s", list[i]);
        return true;
    }
    return false;
}

/* Parts of the cache, one in so many: for the weights of a pass, and for what a chunk reads of src in one, which is more
 * where the weights are the larger and each chunk reads them all. A 1x1 layer reads each pixel once a pass, so its passes may
 * be short, and its chunks long, for little. */
enum { POINT_PART = 16, WHOLE_PART = 4, PASS_PART = 5, SRC_PART = 8, LESSER_SRC_PART = 4 };

/* One pass where a group's weights fit their part, else several: of whole taps, or of slices of the channels of one. */
static conv_cut cut_passes(const conv_tile *tile, const conv_dims *d)
{
    const int64_t lane_bytes = (int64_t)sizeof(cl_float) * tile->n * tile->lanes * (tile->plain_src ? d->S : 1);
    const cl_int taps = tile->plain_src ? d->R : d->R * d->S;
    const bool one_pass = lane_bytes * d->C * taps <= tile->cache / WHOLE_PART;
    const int part = taps == 1 ? POINT_PART : one_pass ? WHOLE_PART : PASS_PART;
    const int64_t most = tile->cache / part / lane_bytes; /* channels of one tap */
    conv_cut cut = {.taps = taps, .chunk = 1, .pass_taps = 1, .pass_c = d->C};
    if (d->C <= most || tile->plain_src) {
        int64_t fit = most / d->C < 1 ? 1 : most / d->C;
        cut.pass_taps = ceil_div(taps, fit > taps ? 1 : ceil_div(taps, (cl_int)fit));
    } else {
        cl_int slices = ceil_div(d->C, most < 1 ? 1 : (cl_int)most);
        cut.pass_c = ceil_div(ceil_div(d->C, slices), tile->src_block) * tile->src_block;
    }
    return cut;
}

static cl_int count_passes(const conv_dims *d, const conv_cut *cut)
{
    return ceil_div(cut->taps, cut->pass_taps) * ceil_div(d->C, cut->pass_c);
}

/* The bytes of the sums of this many tiles. */
static int64_t kept_bytes(const conv_tile *tile, int64_t tiles)
{
    return (int64_t)sizeof(cl_float) * tile->m * tile->n * tile->lanes * tiles;
}

/* Tiles whose src fits its part in a pass: of a pixel of dst, those of src that no neighbour reads, too; at least two where it
 * is every other one, as a processor fetches lines in pairs. */
static int64_t most_tiles(const conv_tile *tile, const conv_dims *d, const conv_cut *cut)
{
    const int64_t step_h = d->stride[0] < d->R ? d->stride[0] : d->R,
                  step_w = d->stride[1] < d->S ? d->stride[1] : d->S, least = d->stride[1] > 1 ? 2 : 1;
    int64_t pixels = step_h * step_w < cut->pass_taps ? step_h * step_w : cut->pass_taps;
    if (pixels < least) pixels = least;
    const int part = (int64_t)d->N * d->H * d->W < (int64_t)d->K * d->R * d->S ? LESSER_SRC_PART : SRC_PART;
    int64_t tiles = tile->cache / part / ((int64_t)tile->element * tile->m * cut->pass_c * pixels);
    const int64_t kept = tile->cache / 4 / kept_bytes(tile, 1);
    if (tile->narrow && count_passes(d, cut) > 1 && tiles > kept) tiles = kept;
    return tiles < 1 ? 1 : tiles > MAX_CHUNK ? MAX_CHUNK : tiles;
}

/* Bytes of local memory: for 16-bit data the sums that wait between passes, and a pass's weights. */
static uint64_t scratch_bytes(const conv_tile *tile, const conv_dims *d, const conv_cut *cut)
{
    const cl_int channels = tile->plain_src ? d->C * d->S : (cut->pass_c + 1) / 2 * 2;
    const uint64_t vector = sizeof(cl_float) * (uint64_t)tile->lanes;
    if (!tile->narrow) return vector; /* none is used, but the argument wants some */
    return (count_passes(d, cut) > 1 ? (uint64_t)kept_bytes(tile, cut->chunk) : 0) +
           vector * (uint64_t)tile->n * (uint64_t)channels * (uint64_t)cut->pass_taps;
}

/* The chunk that balances the items over the units best. */
static conv_cut cut_work(const conv_tile *tile, const conv_dims *d, cl_int units)
{
    conv_cut cut = cut_passes(tile, d);
    const int64_t tiles = count_tiles(tile, d), groups = count_groups(tile, d);
    double best = 0;
    for (int64_t chunk = most_tiles(tile, d, &cut); chunk >= 1; chunk--) {
        /* Rounds of items over the units, each as long as a chunk and half a tile's start. */
        int64_t items = (tiles + chunk - 1) / chunk * groups;
        double cost = (double)((items + units - 1) / units) * ((double)chunk + 0.5);
        if (best > 0 && cost >= best) continue;
        best = cost;
        cut.chunk = (cl_int)chunk;
    }
    return cut;
}

static uint64_t packed_elements(const conv_tile *tile, const conv_dims *d)
{
    const cl_int c_size = tile->plain_src ? d->C : (d->C + 1) / 2 * 2;
    const cl_int zeros = tile->plain_src ? tile->lanes : tile->src_block;
    return (uint64_t)zeros + (uint64_t)(tile->n * tile->lanes) * (uint64_t)c_size * (uint64_t)(d->R * d->S) *
                                 (uint64_t)count_groups(tile, d);
}

/* Sizes and constants of a phase that has pixels. */
static shunt_status set_phase(const shunt_bop *op, const conv_phase *phase, phase_steps *own)
{
    const conv_tile *tile = op->own;
    const conv_dims *d = &phase->dims;
    conv_cut cut = cut_work(tile, d, (cl_int)op->device->found.limits.units);
    if (phase->taps == 0) cut.taps = 0;
    own->conv->global[0] = (size_t)count_groups(tile, d);
    own->conv->global[1] = (size_t)ceil_div((cl_int)count_tiles(tile, d), cut.chunk);
    const ocl_constant constants[] = {
        {sizeof *d, d}, {sizeof cut, &cut}, {sizeof phase->place, &phase->place}, {scratch_bytes(tile, d, &cut), NULL}};
    const ocl_constant pack_constants[] = {{sizeof d->K, &d->K},
                                           {sizeof d->C, &d->C},
                                           {sizeof d->R, &d->R},
                                           {sizeof d->S, &d->S},
                                           {sizeof phase->weights, &phase->weights}};
    shunt_status status = ocl_step_constants(own->conv, 10, 4, constants);
    if (status || !own->pack) return status;
    own->pack->global[0] = (size_t)tile->n;
    own->pack->global[1] = (size_t)ceil_div(d->C, OCL_PACK_CHANNELS);
    own->pack->global[2] = own->conv->global[0];
    return ocl_step_constants(own->pack, 4, 5, pack_constants);
}

static shunt_status make_phase(shunt_bop *op, const conv_phase *phase, phase_steps *own)
{
    const conv_tile *tile = op->own;
    char options[OCL_OPTIONS_CHARS] = "";
    const uint64_t items[] = {1, 1, 1}; /* set_phase says how many */
    const size_t local[] = {1, 1, 1};
    ocl_add_option(options, "-DB=%d -DSB=%d -DV=%d -DM=%d -DKB=%d%s", tile->dst_block, tile->src_block, tile->lanes,
                   tile->m, tile->n, tile->plain_src ? " -DPLAIN_SRC" : "");
    if (tile->wide_src) ocl_add_option(options, " -DWIDE_SRC");
    shunt_status status = ocl_step_create(op->device, own->conv, tile->point ? &ocl_conv_point_cl : &ocl_conv_tile_cl,
                                          options, tile->point ? "conv_point" : "conv_tile", 2, items, local);
    if (!status && own->pack)
        status = ocl_step_create(op->device, own->pack, &ocl_conv_tile_cl, options, "conv_tile_pack", 3, items, local);
    if (tile->wide_src) own->conv->data_tensors &= ~1u; /* src */
    return status ? status : set_phase(op, phase, own);
}

static void destroy(shunt_bop *op)
{
    conv_tile *tile = op->own;
    if (tile) ocl_phases_destroy(op, tile->list);
}

/* For 16-bit data part of it is local memory. */
static int64_t cache_bytes(const ocl_device *device, bool narrow)
{
    const uint64_t local = device->found.limits.local;
    return narrow && local < L2_BYTES ? (int64_t)local : L2_BYTES;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *src = ocl_phase_src(&op->desc);
    char format[SHUNT_PARAMS_CHARS];
    uint64_t most = 0;
    const uint32_t phases = ocl_conv_phases(&op->desc);
    conv_tile *tile = calloc(1, sizeof *tile + phases * sizeof *tile->list);
    if (!tile) return ocl_fail_memory();
    op->own = tile;
    tile->lanes = (cl_int)lanes_of(op->device);
    tile->src_block = (cl_int)shunt_tensor_block(src);
    tile->dst_block = (cl_int)shunt_tensor_block(&op->desc.outputs[0]);
    tile->element = (cl_int)shunt_dtype_bytes(op->desc.outputs[0].dtype);
    tile->narrow = tile->element == 2;
    tile->wide_src = tile->narrow && src->dtype == SHUNT_F32;
    tile->cache = cache_bytes(op->device, tile->narrow);
    tile->plain_src = !ocl_conv_takes_block(op->device, src);
    if (sscanf(op->info.params, "m=%d n=%d", &tile->m, &tile->n) != 2)
        return ocl_fail(SHUNT_E_INVALID, "parameters \"%s\"", op->info.params);
    for (uint32_t i = 0; i < phases; i++) {
        const conv_phase phase = ocl_conv_phase(&op->desc, i);
        const uint64_t elements = packed_elements(tile, &phase.dims);
        if (elements > most) most = elements;
        tile->point = phases == 1 && is_point(tile, &phase);
    }
    ocl_conv_inplace(op);
    snprintf(format, sizeof format, "tile b=%d n=%d%s", tile->src_block, tile->n, tile->plain_src ? " plain" : "");
    ocl_conv_packed(op, format, most * (uint64_t)tile->element);
    return ocl_phases_make(op, tile->list, make_phase);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    const conv_tile *tile = op->own;
    shunt_arg tensors[5];
    ocl_conv_tensors(op, inputs, outputs, workspace, tensors);
    return ocl_phases_launch(op, tile->list, queue, inputs, workspace, 5, tensors);
}

const ocl_algorithm ocl_conv_tile = {.kind = SHUNT_OP_CONV,
                                     .name = "tile",
                                     .rank = rank,
                                     .refuse = refuse,
                                     .variant = variant,
                                     .prepare = prepare,
                                     .launch = launch,
                                     .destroy = destroy};
const ocl_algorithm ocl_conv_grad_src_tile = {.kind = SHUNT_OP_CONV_GRAD_SRC,
                                              .name = "tile",
                                              .rank = rank,
                                              .refuse = refuse,
                                              .variant = variant,
                                              .prepare = prepare,
                                              .launch = launch,
                                              .destroy = destroy};
