/* conv_group.c - the direct convolution for GPUs: work-groups that compute tiles through local memory. It needs no
 * workspace and does its sums in a fixed order. See conv_group.cl for what the tile parameters mean. */
#include "conv.h"

#include <stdio.h>

typedef struct tile {
    cl_int m, n, k, rm, rn; /* TM, TN, TK, RM, RN */
} tile;

/* Equally good ones are tried in this order. */
static const tile tiles[] = {
    {128, 128, 8, 8, 8}, {128, 64, 16, 8, 8}, {64, 64, 16, 8, 8}, {64, 64, 16, 8, 4},
    {64, 64, 16, 4, 4},  {32, 64, 16, 4, 4},  {32, 32, 16, 4, 4}, {128, 16, 16, 4, 4},
};

enum {
    NTILES = sizeof tiles / sizeof *tiles,
    MAX_K = 16,
    MAX_WEIGHTS = 1 << 20, /* per output channel; see quotient() in conv_group.cl */
    FULL_ITEMS = 256,      /* that keep a compute unit busy, about */
    CPU_TILES = 2,
};

static const char format[] = "tm=%d tn=%d tk=%d rm=%d rn=%d";

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static cl_int items_of(const tile *t)
{
    return t->m / t->rm * (t->n / t->rn);
}

/* Two tiles of src and two of weights. */
static bool fits(const ocl_limits *limits, const tile *t)
{
    const uint64_t bytes = 2 * sizeof(float) * (uint64_t)(t->k * (t->m + t->n));
    return (size_t)items_of(t) <= limits->group && bytes <= limits->local;
}

static bool fits_any(const ocl_limits *limits)
{
    for (int i = 0; i < NTILES; i++)
        if (fits(limits, &tiles[i])) return true;
    return false;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    const int64_t block = device->found.info.block;
    const char *reason = ocl_conv_refuse(desc);
    if (reason) return reason;
    if (!fits_any(&device->found.limits)) return "no tile fits the device's work-groups and local memory";
    if (desc->attr.conv.groups > 1) return "more than one group of channels";
    if (shunt_tensor_block(dst) != block) return "dst is not in the device's layout";
    if (shunt_tensor_block(src) != block && src->block != SHUNT_PLAIN)
        return "src is neither in the device's layout nor plain";
    if (shunt_tensor_storage(src) > INT32_MAX || shunt_tensor_storage(dst) > INT32_MAX)
        return "2^31 or more elements of src or dst";
    if ((src->dims[1] + MAX_K) * ocl_inner_count(&desc->inputs[1], 2) >= MAX_WEIGHTS)
        return "2^20 or more weights per output channel";
    if (dst->dims[0] * ocl_inner_count(dst, 2) > INT32_MAX / 2) return "2^30 or more pixels";
    return NULL;
}

/* On a CPU, where a barrier costs more than local memory brings, the last choice. */
static int rank(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)desc;
    return ocl_is_cpu(device) ? -2 : OCL_TILE_RANK;
}

/* An estimate of the time with this tile: rounds of work-groups over the units, or what fills a unit if more, times
 * the work of a group per channel: multiply-adds, floats from local memory (four times as dear) and from global memory
 * (sixteen times), of which half is hidden behind the rest. A driver that counts units smaller than those that run a
 * work-group (Intel) gets smaller tiles than it might: tuning tells. */
static double cost(const ocl_device *device, const shunt_op_desc *desc, const tile *t)
{
    const shunt_tensor_desc *dst = &desc->outputs[0];
    const int64_t groups = ceil_div(dst->dims[0] * ocl_inner_count(dst, 2), t->m) * ceil_div(dst->dims[1], t->n);
    const double rounds = (double)ceil_div(groups, (int64_t)device->found.limits.units);
    const double least = (double)FULL_ITEMS / items_of(t);
    const double work = t->m * t->n * (1 + 2.0 / t->rm + 2.0 / t->rn) + 8.0 * (t->m + t->n);
    return work * (rounds > least ? rounds : least);
}

/* Those that fit, by cost. */
static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    const tile *sorted[NTILES];
    uint32_t count = 0;
    for (int i = 0; i < NTILES; i++) {
        if (!fits(&device->found.limits, &tiles[i])) continue;
        uint32_t at = count++;
        for (; at > 0 && cost(device, desc, sorted[at - 1]) > cost(device, desc, &tiles[i]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &tiles[i];
    }
    if (ocl_is_cpu(device) && count > CPU_TILES) count = CPU_TILES;
    if (index >= count) return false;
    const tile *t = sorted[index];
    snprintf(params, SHUNT_PARAMS_CHARS, format, t->m, t->n, t->k, t->rm, t->rn);
    return true;
}

static shunt_status prepare_pack(shunt_bop *op, const tile *t, const conv_dims *d, const char *options, bool plain_src)
{
    const cl_int taps = d->R * d->S;
    const cl_int rows =
        (cl_int)(ceil_div((int64_t)d->C * (plain_src ? taps : 1), t->k) * t->k * (plain_src ? 1 : taps));
    const cl_ulong count = (cl_ulong)ceil_div(d->K, t->n) * (cl_ulong)t->n * (cl_ulong)rows;
    const ocl_constant constants[] = {
        {sizeof count, &count}, {sizeof rows, &rows}, {sizeof d->K, &d->K}, {sizeof d->C, &d->C}, {sizeof taps, &taps}};
    char packing[SHUNT_PARAMS_CHARS];
    shunt_status status =
        ocl_step_create_flat(op->device, &op->pack, &ocl_conv_group_cl, options, "conv_group_pack", count);
    if (!status) status = ocl_step_constants(&op->pack, 4, 5, constants);
    if (status) return status;
    snprintf(packing, sizeof packing, "group tn=%d tk=%d%s", t->n, t->k, plain_src ? " plain" : "");
    ocl_conv_packed(op, packing, count * shunt_dtype_bytes(op->desc.outputs[0].dtype));
    return SHUNT_OK;
}

static shunt_status prepare(shunt_bop *op)
{
    const conv_dims dims = ocl_conv_dims(&op->desc);
    const int block = (int)op->device->found.info.block;
    const bool plain_src = shunt_tensor_block(&op->desc.inputs[0]) != block;
    tile t;
    char options[OCL_OPTIONS_CHARS] = "";
    if (sscanf(op->info.params, format, &t.m, &t.n, &t.k, &t.rm, &t.rn) != 5)
        return ocl_fail(SHUNT_E_INVALID, "parameters \"%s\"", op->info.params);
    const size_t local = (size_t)items_of(&t);
    const uint64_t items = local * (uint64_t)(ceil_div((int64_t)dims.N * dims.P * dims.Q, t.m) * ceil_div(dims.K, t.n));
    const ocl_constant constants[] = {{sizeof dims, &dims}};

    ocl_conv_inplace(op);
    ocl_add_option(options, "-DB=%d -DV=4 -DWG=%zu -DTM=%d -DTN=%d -DTK=%d -DRM=%d -DRN=%d%s", block,
                   ocl_group(op->device), t.m, t.n, t.k, t.rm, t.rn, plain_src ? " -DPLAIN_SRC" : "");
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], &ocl_conv_group_cl, options, "conv_group", 1, &items, &local);
    if (!status) status = ocl_step_constants(&op->steps[0], 10, 1, constants);
    return status ? status : prepare_pack(op, &t, &dims, options, plain_src);
}

const ocl_algorithm ocl_conv_group = {.kind = SHUNT_OP_CONV,
                                      .name = "group",
                                      .rank = rank,
                                      .refuse = refuse,
                                      .variant = variant,
                                      .prepare = prepare,
                                      .launch = ocl_conv_launch};
