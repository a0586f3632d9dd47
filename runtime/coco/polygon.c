/* polygon.c - the pixels of a polygon. COCO's masks are defined by this way of drawing, so it must not differ in one pixel:
 *
 * - Corners are multiplied by 5 and rounded. Each edge becomes points of that finer grid, one for each step of its longer side.
 * - Where the outline goes from one fine column to the next, the crossing counts if the finer column is the middle one of a pixel's five.
 *   The crossing's height, brought back to pixels and rounded up, is where a run of that column begins or ends.
 * - The crossings of all columns, sorted, are the ends of the runs. */
#include "runtime/coco/mask.h"

#include <math.h>
#include <stdlib.h>

enum { FINE = 5, FARTHEST = 1 << 17, MOST_POINTS = 1 << 22 };

typedef struct outline {
    int32_t (*points)[2]; /* x, y on the finer grid */
    size_t count;
} outline;

static int32_t finer(double value)
{
    return (int32_t)(FINE * value + .5); /* towards 0 */
}

static size_t steps_of(const int32_t a[2], const int32_t b[2])
{
    const int64_t dx = llabs((int64_t)b[0] - a[0]), dy = llabs((int64_t)b[1] - a[1]);
    return (size_t)(dx > dy ? dx : dy) + 1;
}

/* The points of an edge, always computed from its lower end on the longer side. */
static void draw_edge(outline *self, const int32_t a[2], const int32_t b[2])
{
    const int64_t dx = llabs((int64_t)b[0] - a[0]), dy = llabs((int64_t)b[1] - a[1]), longer = dx >= dy ? dx : dy;
    const int along = dx >= dy ? 0 : 1, across = !along;
    const bool turned = a[along] > b[along];
    const int32_t *from = turned ? b : a, *to = turned ? a : b;
    const double slope = longer ? (double)(to[across] - from[across]) / (double)longer : 0;
    for (int64_t d = 0; d <= longer; d++) {
        const int64_t t = turned ? longer - d : d;
        int32_t *point = self->points[self->count++];
        point[along] = (int32_t)(t + from[along]);
        point[across] = (int32_t)(from[across] + slope * (double)t + .5);
    }
}

static int by_place(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Where runs begin or end, sorted; *count of them. */
static void find_crossings(const outline *self, uint32_t height, uint32_t width, uint32_t *crossings, size_t *count)
{
    *count = 0;
    for (size_t p = 1; p < self->count; p++) {
        const int32_t *was = self->points[p - 1], *is = self->points[p];
        if (is[0] == was[0]) continue;
        const double x = ((is[0] < was[0] ? is[0] : is[0] - 1) + .5) / FINE - .5;
        if (floor(x) != x || x < 0 || x > width - 1.) continue;
        double y = ((is[1] < was[1] ? is[1] : was[1]) + .5) / FINE - .5;
        if (y < 0) y = 0;
        if (y > height) y = height;
        crossings[(*count)++] = (uint32_t)x * height + (uint32_t)ceil(y);
    }
    crossings[(*count)++] = height * width;
    qsort(crossings, *count, sizeof *crossings, by_place);
}

/* Runs between the places; a run of no pixels joins its neighbours. */
static bool runs_between(const uint32_t *places, size_t count, mask *out)
{
    out->runs = malloc((count + 1) * sizeof *out->runs);
    if (!out->runs) return false;
    uint32_t before = 0;
    for (size_t p = 0; p < count; p++) {
        const uint32_t run = places[p] - before;
        before = places[p];
        if (run || !out->count) {
            out->runs[out->count++] = run;
        } else if (p + 1 < count) {
            out->runs[out->count - 1] += places[p + 1] - before;
            before = places[++p];
        }
    }
    return true;
}

bool mask_from_polygon(const double *corners, size_t npoints, uint32_t height, uint32_t width, mask *out, bool *wrong)
{
    *out = (mask){.height = height, .width = width};
    *wrong = false;
    for (size_t i = 0; i < 2 * npoints; i++) *wrong |= !(fabs(corners[i]) <= FARTHEST);
    if (*wrong) return false;
    size_t room = 0;
    int32_t(*ends)[2] = malloc((npoints + 1) * sizeof *ends);
    if (!ends) return false;
    for (size_t i = 0; i <= npoints; i++)
        for (int k = 0; k < 2; k++) ends[i][k] = finer(corners[2 * (i % npoints) + (size_t)k]);
    for (size_t i = 0; i < npoints; i++) room += steps_of(ends[i], ends[i + 1]);
    *wrong = room > MOST_POINTS;
    if (*wrong) room = 0;
    outline line = {.points = malloc((room + 1) * sizeof *line.points)};
    uint32_t *crossings = malloc((room + 1) * sizeof *crossings);
    bool good = !*wrong && line.points && crossings;
    for (size_t i = 0; good && i < npoints; i++) draw_edge(&line, ends[i], ends[i + 1]);
    if (good) {
        size_t count;
        find_crossings(&line, height, width, crossings, &count);
        good = runs_between(crossings, count, out);
    }
    free(line.points);
    free(crossings);
    free(ends);
    return good;
}
