/* wave_tile.c - see wave_tile.h. */
#include "wave_tile.h"

#include <stdio.h>

/* What a wave of 32 lanes has registers for, and one of Intel's: 8 or 16 lanes, with 256 registers of 8 or 16 numbers. Equally good ones
 * are tried in this order. */
static const wave_tile tiles32[] = {
    {0, 128, 128, 32, 4, 2, 1}, {0, 128, 64, 32, 4, 2, 1}, {0, 64, 64, 32, 2, 2, 1},
    {0, 64, 32, 32, 2, 1, 1},   {0, 32, 32, 32, 1, 1, 1},
};
static const wave_tile tiles16[] = {{0, 128, 64, 16, 2, 2, 1}, {0, 64, 64, 16, 2, 2, 1}, {0, 32, 32, 16, 1, 1, 1}};
static const wave_tile tiles8[] = {{0, 128, 64, 16, 2, 2, 1}, {0, 64, 64, 16, 2, 2, 1}, {0, 32, 32, 16, 1, 1, 1}};

enum {
    MOST_TILES = 5,
    EDGE = 16,
    FULL_WAVES = 8,  /* that keep a compute unit busy, about */
    LEAST_STEPS = 4, /* of a split */
    PLAIN_TILES = 2, /* small ones, for the tests */
    PLAIN_SPLITS = 2,
    UNIT_SPEED = 8, /* multiply-adds of matrix units in the time of one of float32, about */
    /* In products of fragments: a fragment from local memory; 16 rows of a step from memory into it. Both are hidden by half. */
    LOCAL_COST = 1,
    MEMORY_COST = 4,
};

static const char format[] = "%7[a-z0-9] tm=%d tn=%d tk=%d f=%dx%d s=%d";

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static cl_int waves(const wave_tile *t)
{
    return t->m / (EDGE * t->fm) * (t->n / (EDGE * t->fn));
}

cl_int ocl_wave_items(const wave_tile *t)
{
    return waves(t) * ocl_wave_family(t->family)->lanes;
}

static const wave_tile *tiles_of(ocl_wave family, uint32_t *count)
{
    const cl_int lanes = ocl_wave_family(family)->lanes;
    *count = lanes == 32   ? sizeof tiles32 / sizeof *tiles32
             : lanes == 16 ? sizeof tiles16 / sizeof *tiles16
                           : sizeof tiles8 / sizeof *tiles8;
    return lanes == 32 ? tiles32 : lanes == 16 ? tiles16 : tiles8;
}

/* Two steps of both factors; or a fragment of sums for each wave, in rows of 20. */
static bool fits(const ocl_limits *limits, const wave_tile *t)
{
    const uint64_t row = (uint64_t)(t->k + ocl_wave_family(t->family)->padding),
                   steps = 2 * sizeof(uint16_t) * (uint64_t)(t->m + t->n) * row,
                   sums = sizeof(float) * EDGE * (EDGE + 4) * (uint64_t)waves(t);
    return (size_t)ocl_wave_items(t) <= limits->group && (steps > sums ? steps : sums) <= limits->local;
}

static const char *refuse_family(const ocl_device *device, ocl_wave family)
{
    uint32_t count;
    const wave_tile *list = tiles_of(family, &count);
    for (uint32_t i = 0; i < count; i++) {
        wave_tile t = list[i];
        t.family = family;
        if (fits(&device->found.limits, &t)) return NULL;
    }
    return "no tile fits the device's work-groups and local memory";
}

const char *ocl_wave_refuse(const ocl_device *device, uint8_t dtype)
{
    const ocl_wave family = ocl_wave_of(&device->found, dtype);
    return family == OCL_WAVE_NONE ? "the device has no matrix units of a GPU that work"
                                   : refuse_family(device, family);
}

const char *ocl_wave_refuse_plain(const ocl_device *device)
{
    return refuse_family(device, OCL_WAVE_NVIDIA);
}

/* ---- Choices ----------------------------------------------------------------------------------------------------------- */

/* An estimate of the time with this tile, in products of fragments: rounds of work-groups over the units, or what fills a unit if
 * more, times the work of a group, half of whose reads are hidden behind the rest. Then the partial sums. */
static double cost(const ocl_device *device, const group_product *p, const wave_tile *t)
{
    const int64_t groups = p->count * ceil_div(p->rows, t->m) * ceil_div(p->columns, t->n) * t->splits,
                  units = device->found.limits.units;
    const double rounds = (double)ceil_div(groups, units), least = (double)FULL_WAVES / waves(t);
    const double work =
        waves(t) * (t->fm * t->fn + LOCAL_COST * (t->fm + t->fn) / 2.0) + MEMORY_COST * (t->m + t->n) / 32.0;
    const double steps = (double)ceil_div(ceil_div(p->inner, t->k), t->splits);
    const double sums = (double)(p->count * p->rows * p->columns) * (2 * t->splits + 1);
    return work * (t->k / EDGE) * steps * EDGE * EDGE * EDGE * (rounds > least ? rounds : least) / UNIT_SPEED +
           (t->splits > 1 || p->partial ? ocl_move_estimate(device, sums, 1) : 0);
}

/* The number of splits that is best for the tile. */
static wave_tile with_splits(const ocl_device *device, const group_product *p, const wave_tile *t)
{
    const int64_t steps = ceil_div(p->inner, t->k);
    wave_tile best = *t, next = *t;
    for (next.splits = 2; next.splits <= p->most_splits && steps / next.splits >= LEAST_STEPS; next.splits *= 2)
        if (cost(device, p, &next) < cost(device, p, &best)) best = next;
    return best;
}

static uint32_t insert(const ocl_device *device, const group_product *p, wave_tile *sorted, uint32_t count, wave_tile t)
{
    uint32_t at = count;
    for (; at > 0 && cost(device, p, &sorted[at - 1]) > cost(device, p, &t); at--) sorted[at] = sorted[at - 1];
    sorted[at] = t;
    return count + 1;
}

bool ocl_wave_choice(const ocl_device *device, uint8_t dtype, const group_product *p, uint32_t index, wave_tile *out)
{
    const ocl_wave family = ocl_wave_of(&device->found, dtype);
    wave_tile sorted[2 * MOST_TILES];
    uint32_t count, sorted_count = 0;
    const wave_tile *list = tiles_of(family, &count);
    for (uint32_t i = 0; i < count; i++) {
        wave_tile t = list[i];
        t.family = family;
        if (!fits(&device->found.limits, &t)) continue;
        const wave_tile split = with_splits(device, p, &t);
        sorted_count = insert(device, p, sorted, sorted_count, t);
        if (split.splits > 1) sorted_count = insert(device, p, sorted, sorted_count, split);
    }
    if (index >= sorted_count) return false;
    *out = sorted[index];
    return true;
}

/* Of each family a tile whose waves have several fragments, split; and the smallest one. */
bool ocl_wave_choice_plain(const ocl_device *device, const group_product *p, uint32_t index, wave_tile *out)
{
    static const ocl_wave layouts[] = {OCL_WAVE_NVIDIA, OCL_WAVE_AMD, OCL_WAVE_INTEL8, OCL_WAVE_INTEL16};
    uint32_t count;
    if (index >= PLAIN_TILES * sizeof layouts / sizeof *layouts) return false;
    const ocl_wave family = layouts[index / PLAIN_TILES];
    const wave_tile *list = tiles_of(family, &count);
    *out = list[index % PLAIN_TILES ? count - 1 : count == MOST_TILES ? 2 : 1];
    out->family = family;
    if (!fits(&device->found.limits, out)) *out = list[count - 1];
    out->family = family;
    if (index % PLAIN_TILES == 0) out->splits = PLAIN_SPLITS < p->most_splits ? PLAIN_SPLITS : p->most_splits;
    return true;
}

void ocl_wave_params(const wave_tile *t, char *params)
{
    snprintf(params, SHUNT_PARAMS_CHARS, "%s tm=%d tn=%d tk=%d f=%dx%d s=%d", ocl_wave_family(t->family)->name, t->m,
             t->n, t->k, t->fm, t->fn, t->splits);
}

shunt_status ocl_wave_read(const char *params, wave_tile *t)
{
    char name[8];
    if (sscanf(params, format, name, &t->m, &t->n, &t->k, &t->fm, &t->fn, &t->splits) == 7) {
        t->family = ocl_wave_by_name(name);
        if (t->family != OCL_WAVE_NONE) return SHUNT_OK;
    }
    return ocl_fail(SHUNT_E_INVALID, "parameters \"%s\"", params);
}

void ocl_wave_options(const ocl_device *device, const wave_tile *t, bool plain, char *options)
{
    const wave_family *family = ocl_wave_family(t->family);
    ocl_add_option(options, "-DB=%u -DV=8 -DWG=%zu -DTM=%d -DTN=%d -DTK=%d -DFM=%d -DFN=%d%s%s",
                   device->found.info.block, ocl_group(device), t->m, t->n, t->k, t->fm, t->fn, family->options,
                   plain ? " -DWAVE_PLAIN" : family->driver);
}
