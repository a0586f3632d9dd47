/* conv_tile.c - the direct convolution for CPUs: register tiles, passes cut so that their weights stay in the cache. */
#include "conv.h"

#include <stdio.h>

/* The same fields as in conv_tile.cl. */
typedef struct conv_cut {
    cl_int chunk, pass_taps, pass_c;
} conv_cut;

typedef struct conv_tile {
    cl_int block, m, n; /* m pixels by n vectors of `block` channels */
    bool plain_src;
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

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    const int64_t block = device->found.info.block;
    const char *reason = ocl_conv_refuse(desc);
    if (!reason) reason = ocl_conv_refuse_tiles(device);
    if (reason) return reason;
    if (desc->attr.conv.groups > 1) return "more than one group of channels";
    if (shunt_tensor_block(dst) != block) return "dst is not in the device's layout";
    if (shunt_tensor_block(src) != block && src->block != SHUNT_PLAIN)
        return "src is neither in the device's layout nor plain";
    if (dst->dims[0] * ocl_inner_count(dst, 2) > INT32_MAX / 2) return "2^30 or more pixels";
    return NULL;
}

static int rank(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device, (void)desc;
    return OCL_TILE_RANK;
}

/* Tiles that fill the registers: 32 of 16 floats, or 16 of 8. One that is wider than K would compute channels in vain. */
static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    static const char *const wide[] = {"m=6 n=4", "m=6 n=2", "m=14 n=2"}, *const narrow[] = {"m=6 n=2", "m=4 n=3"};
    const bool is_wide = device->found.info.block == 16, few = is_wide && desc->outputs[0].dims[1] <= 32;
    if (index >= (is_wide ? 3 : 2)) return false;
    if (few && index < 2) index ^= 1;
    snprintf(params, SHUNT_PARAMS_CHARS, "%s", (is_wide ? wide : narrow)[index]);
    return true;
}

/* One pass where a group's weights take at most a quarter of the cache, else passes of a fifth: whole taps, or slices of
 * the channels of one. Then the chunk that balances the items over the units while its part of src takes at most a quarter. */
static conv_cut cut_work(const conv_tile *tile, const conv_dims *d, cl_int units)
{
    const int64_t lane_bytes = 4 * (int64_t)tile->n * tile->block * (tile->plain_src ? d->S : 1);
    const cl_int taps = tile->plain_src ? d->R : d->R * d->S;
    const bool one_pass = lane_bytes * d->C * taps <= L2_BYTES / 4;
    const int64_t most = L2_BYTES / (one_pass ? 4 : 5) / lane_bytes; /* channels of one tap */
    conv_cut cut = {.chunk = 1, .pass_taps = 1, .pass_c = d->C};
    if (d->C <= most || tile->plain_src) {
        int64_t fit = most / d->C < 1 ? 1 : most / d->C;
        cut.pass_taps = ceil_div(taps, fit > taps ? 1 : ceil_div(taps, (cl_int)fit));
    } else {
        cl_int slices = ceil_div(d->C, most < 1 ? 1 : (cl_int)most);
        cut.pass_c = ceil_div(ceil_div(d->C, slices), tile->block) * tile->block;
    }
    const int64_t step_h = d->stride[0] < d->R ? d->stride[0] : d->R,
                  step_w = d->stride[1] < d->S ? d->stride[1] : d->S;
    int64_t most_tiles = L2_BYTES / 4 / (4 * (int64_t)tile->m * cut.pass_c * step_h * step_w);
    if (most_tiles < 1) most_tiles = 1;
    if (most_tiles > MAX_CHUNK) most_tiles = MAX_CHUNK;
    const int64_t tiles = ceil_div(d->N * d->P * d->Q, tile->m),
                  groups = ceil_div(ceil_div(d->K, tile->block), tile->n);
    double best = 0;
    for (int64_t chunk = most_tiles; chunk >= 1; chunk--) {
        /* Rounds of items over the units, each as long as a chunk and half a tile's start. */
        int64_t items = (tiles + chunk - 1) / chunk * groups;
        double cost = (double)((items + units - 1) / units) * ((double)chunk + 0.5);
        if (best > 0 && cost >= best) continue;
        best = cost;
        cut.chunk = (cl_int)chunk;
    }
    return cut;
}

static shunt_status prepare_pack(shunt_bop *op, const conv_tile *tile, const conv_dims *d, const char *options)
{
    const cl_int c_size = tile->plain_src ? d->C : (d->C + 1) / 2 * 2;
    const uint64_t groups = (uint64_t)ceil_div(ceil_div(d->K, tile->block), tile->n);
    const uint64_t items[] = {(uint64_t)tile->n * (uint64_t)tile->block, (uint64_t)c_size * (uint64_t)(d->R * d->S),
                              groups};
    const size_t local[] = {(size_t)items[0], 1, 1};
    const ocl_constant constants[] = {
        {sizeof d->K, &d->K}, {sizeof d->C, &d->C}, {sizeof d->R, &d->R}, {sizeof d->S, &d->S}};
    char format[SHUNT_PARAMS_CHARS];
    shunt_status status =
        ocl_step_create(op->device, &op->pack, &ocl_conv_tile_cl, options, "conv_tile_pack", 3, items, local);
    if (!status) status = ocl_step_constants(&op->pack, 4, 4, constants);
    if (status) return status;
    snprintf(format, sizeof format, "tile b=%d n=%d%s", tile->block, tile->n, tile->plain_src ? " plain" : "");
    ocl_conv_packed(op, format, ((uint64_t)tile->block + items[0] * items[1] * items[2]) * sizeof(float));
    return SHUNT_OK;
}

static shunt_status prepare(shunt_bop *op)
{
    const conv_dims dims = ocl_conv_dims(&op->desc);
    const shunt_tensor_desc *src = &op->desc.inputs[0];
    conv_tile tile = {.block = (cl_int)op->device->found.info.block};
    char options[OCL_OPTIONS_CHARS] = "";
    tile.plain_src = shunt_tensor_block(src) != tile.block;
    if (sscanf(op->info.params, "m=%d n=%d", &tile.m, &tile.n) != 2)
        return ocl_fail(SHUNT_E_INVALID, "parameters \"%s\"", op->info.params);
    const conv_cut cut = cut_work(&tile, &dims, (cl_int)op->device->found.limits.units);
    const uint64_t items[] = {(uint64_t)ceil_div(ceil_div(dims.K, tile.block), tile.n),
                              (uint64_t)ceil_div(ceil_div(dims.N * dims.P * dims.Q, tile.m), cut.chunk)};
    const size_t local[] = {1, 1};
    const ocl_constant constants[] = {{sizeof dims, &dims}, {sizeof cut, &cut}};

    ocl_conv_cost(op);
    ocl_add_option(options, "-DB=%d -DV=%d -DM=%d -DKB=%d%s", tile.block, tile.block, tile.m, tile.n,
                   tile.plain_src ? " -DPLAIN_SRC" : "");
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], &ocl_conv_tile_cl, options, "conv_tile", 2, items, local);
    if (!status) status = ocl_step_constants(&op->steps[0], 10, 2, constants);
    return status ? status : prepare_pack(op, &tile, &dims, options);
}

const ocl_algorithm ocl_conv_tile = {.kind = SHUNT_OP_CONV,
                                     .name = "tile",
                                     .rank = rank,
                                     .refuse = refuse,
                                     .variant = variant,
                                     .prepare = prepare,
                                     .launch = ocl_conv_launch};
