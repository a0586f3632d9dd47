/* group_tile.c - see group_tile.h. */
#include "group_tile.h"

#include <stdio.h>

/* Equally good ones are tried in this order. With 8x8 sums an item has registers for a short step only. */
static const group_tile tiles[] = {
    {128, 128, 8, 8, 8, 1}, {128, 64, 8, 8, 8, 1}, {64, 64, 8, 8, 8, 1},  {64, 64, 16, 8, 4, 1},
    {64, 64, 16, 4, 4, 1},  {32, 64, 16, 4, 4, 1}, {32, 32, 16, 4, 4, 1}, {128, 16, 16, 4, 4, 1},
};

enum {
    NTILES = sizeof tiles / sizeof *tiles,
    FULL_ITEMS = 256,        /* that keep a compute unit busy, about */
    LEAST_STEPS = 4,         /* of a split */
    UNIT_SUMS = 64,          /* multiply-adds in the time in which a unit's share of the memory moves a float, about */
    SECOND_LAUNCH = 1 << 19, /* multiply-adds of a unit in the time of a launch, about */
    CPU_SPLITS = 3,
    NARROW = 16, /* columns */
    WIDE_SUMS = 64,
    GATHERING_ITEMS = 128,
};

static const char format[] = "tm=%d tn=%d tk=%d rm=%d rn=%d s=%d";

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

cl_int ocl_tile_items(const group_tile *t)
{
    return t->m / t->rm * (t->n / t->rn);
}

/* Two tiles of each factor. */
static bool fits(const ocl_limits *limits, const group_tile *t)
{
    const uint64_t bytes = 2 * sizeof(float) * (uint64_t)(t->k * (t->m + t->n));
    return (size_t)ocl_tile_items(t) <= limits->group && bytes <= limits->local;
}

const char *ocl_tile_refuse(const ocl_device *device)
{
    for (int i = 0; i < NTILES; i++)
        if (fits(&device->found.limits, &tiles[i])) return NULL;
    return "no tile fits the device's work-groups and local memory";
}

double ocl_move_estimate(const ocl_device *device, double floats, int launches)
{
    return UNIT_SUMS * floats / device->found.limits.units + launches * SECOND_LAUNCH;
}

/* An estimate of the time with this tile, in multiply-adds of a unit: rounds of work-groups over the units, or what fills a unit
 * if more, times the work of a group: multiply-adds, floats from local memory (four times as dear) and from global memory
 * (sixteen times), of which half is hidden behind the rest. Then the partial sums, which are written, read and added up. */
static double cost(const ocl_device *device, const group_product *p, const group_tile *t)
{
    const int64_t groups = p->count * ceil_div(p->rows, t->m) * ceil_div(p->columns, t->n) * t->splits,
                  units = device->found.limits.units;
    const double rounds = (double)ceil_div(groups, units), least = (double)FULL_ITEMS / ocl_tile_items(t);
    const double work = t->m * t->n * (1 + 2.0 / t->rm + 2.0 / t->rn) + 8.0 * (t->m + t->n);
    const double steps = (double)ceil_div(ceil_div(p->inner, t->k), t->splits);
    const double sums = (double)(p->count * p->rows * p->columns) * (2 * t->splits + 1);
    return work * steps * t->k * (rounds > least ? rounds : least) +
           (t->splits > 1 || p->partial ? ocl_move_estimate(device, sums, 1) : 0);
}

/* The number of splits that is best for the tile. */
static group_tile with_splits(const ocl_device *device, const group_product *p, const group_tile *t)
{
    const int64_t steps = ceil_div(p->inner, t->k);
    group_tile best = *t, next = *t;
    for (next.splits = 2; next.splits <= p->most_splits && steps / next.splits >= LEAST_STEPS; next.splits *= 2)
        if (cost(device, p, &next) < cost(device, p, &best)) best = next;
    return best;
}

static uint32_t insert(const ocl_device *device, const group_product *p, group_tile *sorted, uint32_t count,
                       group_tile t)
{
    uint32_t at = count;
    for (; at > 0 && cost(device, p, &sorted[at - 1]) > cost(device, p, &t); at--) sorted[at] = sorted[at - 1];
    sorted[at] = t;
    return count + 1;
}

/* A tile of 16 columns is for products of no more. One that gathers wants much to multiply meanwhile, and registers. */
static bool suits(const group_product *p, const group_tile *t)
{
    if (t->n == NARROW && p->columns > NARROW) return false;
    return !p->gathers || (t->rm * t->rn == WIDE_SUMS && ocl_tile_items(t) <= GATHERING_ITEMS);
}

/* Tiles that fit, whole and with the best number of splits, by cost. */
static uint32_t sort(const ocl_device *device, const group_product *p, group_tile sorted[2 * NTILES])
{
    uint32_t count = 0;
    for (int i = 0; i < NTILES; i++) {
        if (!fits(&device->found.limits, &tiles[i]) || !suits(p, &tiles[i])) continue;
        const group_tile split = with_splits(device, p, &tiles[i]);
        count = insert(device, p, sorted, count, tiles[i]);
        if (split.splits > 1) count = insert(device, p, sorted, count, split);
    }
    return count;
}

double ocl_tile_estimate(const ocl_device *device, const group_product *product)
{
    group_tile sorted[2 * NTILES];
    sort(device, product, sorted);
    return cost(device, product, &sorted[0]);
}

bool ocl_tile_choice(const ocl_device *device, const group_product *product, uint32_t index, group_tile *out)
{
    group_tile sorted[2 * NTILES];
    uint32_t count = sort(device, product, sorted);
    if (ocl_is_cpu(device)) {
        if (count > 2) count = 2;
        sorted[0].splits = 1;
        sorted[1].splits = CPU_SPLITS < product->most_splits ? CPU_SPLITS : product->most_splits;
    }
    if (index >= count) return false;
    *out = sorted[index];
    return true;
}

void ocl_tile_params(const group_tile *t, char *params)
{
    snprintf(params, SHUNT_PARAMS_CHARS, format, t->m, t->n, t->k, t->rm, t->rn, t->splits);
}

shunt_status ocl_tile_read(const char *params, group_tile *t)
{
    if (sscanf(params, format, &t->m, &t->n, &t->k, &t->rm, &t->rn, &t->splits) == 6) return SHUNT_OK;
    return ocl_fail(SHUNT_E_INVALID, "parameters \"%s\"", params);
}

void ocl_tile_options(const ocl_device *device, const group_tile *t, char *options)
{
    ocl_add_option(options, "-DB=%u -DV=4 -DWG=%zu -DTM=%d -DTN=%d -DTK=%d -DRM=%d -DRN=%d", device->found.info.block,
                   ocl_group(device), t->m, t->n, t->k, t->rm, t->rn);
}
