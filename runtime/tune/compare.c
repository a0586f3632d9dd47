/* compare.c - which of two ops is faster, judged by times taken in turn while other programs may use the same processor.
 *
 * Load makes a time longer by any factor and for any length of time, so neither the mean nor the smallest time can be trusted. Two
 * times taken directly one after the other mostly have the same load. So their ratios are judged, by the median. The spread of
 * the ratios says how far the median can be trusted. */
#include "runtime/tune/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LEAST_MARGIN = 0.02; /* a smaller gain is not worth another algorithm */
static const double CLEAR = 2;           /* a factor that needs no further turns */
static const double MAX_SPREAD = 0.5;    /* of the times of one and the same thing: with more, times tell nothing */

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

bool tune_is_steady(double spread)
{
    return spread <= MAX_SPREAD;
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
    double ratios[TUNE_MAX_TURNS];
    tune_comparison result = {.turns = turns->count};
    for (uint32_t i = 0; i < turns->count; i++) ratios[i] = turns->other[i] / turns->guess[i];
    sort_quartiles(ratios, turns->count, &result.low, &result.ratio, &result.high);
    result.spread = result.high / result.low - 1;
    result.slower = ratios[0] > CLEAR;
    result.faster = ratios[turns->count - 1] < 1 / CLEAR;
    return result;
}

bool tune_is_faster(const tune_comparison *comparison)
{
    if (comparison->turns < TUNE_MIN_TURNS) return comparison->faster;
    return 1 / comparison->ratio - 1 > fmax(LEAST_MARGIN, comparison->spread);
}
