/* compare.c - what times of two ops, taken in turn while others may use the same processor, tell about them.
 *
 * Load stretches a time by any factor and for any while, so that neither a mean nor a least time can be trusted. Two times
 * taken one directly after the other mostly share the load: their ratio is judged, by its median, and how much the ratios
 * spread says how much the median can be trusted. */
#include "runtime/tune/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LEAST_MARGIN = 0.02; /* a smaller gain is not worth another algorithm */
static const double CLEAR = 2;           /* a factor that needs no further turns */

static int ascending(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The quartiles lie outside the half that they enclose: with three values they are the least and the greatest. */
static void sort_quartiles(double *values, uint32_t count, double *low, double *median, double *high)
{
    const uint32_t last = count - 1;
    qsort(values, count, sizeof *values, ascending);
    *low = values[last / 4];
    *high = values[last - last / 4];
    *median = (values[last / 2] + values[last - last / 2]) / 2;
}

double tune_spread(const double *times, uint32_t count)
{
    double sorted[TUNE_MAX_TURNS], low, median, high;
    memcpy(sorted, times, count * sizeof *times);
    sort_quartiles(sorted, count, &low, &median, &high);
    return high / low - 1;
}

double tune_median(const double *times, uint32_t count)
{
    double sorted[TUNE_MAX_TURNS], low, median, high;
    memcpy(sorted, times, count * sizeof *times);
    sort_quartiles(sorted, count, &low, &median, &high);
    return median;
}

tune_comparison tune_compare(const tune_turns *turns)
{
    double ratios[TUNE_MAX_TURNS], low, high;
    tune_comparison result = {.turns = turns->count};
    for (uint32_t i = 0; i < turns->count; i++) ratios[i] = turns->other[i] / turns->guess[i];
    sort_quartiles(ratios, turns->count, &low, &result.ratio, &high);
    result.spread = high / low - 1;
    result.slower = ratios[0] > CLEAR;
    result.faster = ratios[turns->count - 1] < 1 / CLEAR;
    return result;
}

bool tune_is_faster(const tune_comparison *comparison)
{
    if (comparison->turns < TUNE_MIN_TURNS) return comparison->faster;
    return 1 / comparison->ratio - 1 > fmax(LEAST_MARGIN, comparison->spread);
}
