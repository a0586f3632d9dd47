/* panel.h - what convolution and its gradients have in common: windows that slide over planes, whose values are gathered
 * into a panel of PANEL windows by CHUNK taps, and the product of a panel with FILTERS rows on registers. */
#ifndef SHUNT_SCALAR_PANEL_H
#define SHUNT_SCALAR_PANEL_H

#include "op.h"

enum { TILE = 8, PANEL = 4 * TILE, CHUNK = 512, SHORT = 16, FILTERS = 4 };

/* In one direction tap t of window i reads element start + i * step + t * tap_step, a zero where that is outside. */
typedef struct slide {
    int64_t length, start, step, tap_step;
} slide;

/* R*S taps a plane and window, in a grid of windows with `width` columns, over planes that are stored one after another. */
typedef struct windows {
    slide rows, columns;
    int64_t R, S, width;
} windows;

/* Those of a convolution over src, whose results are dst; all three are the dims. */
static inline windows conv_windows(const shunt_conv_attr *conv, const int64_t *src, const int64_t *weights,
                                   const int64_t *dst)
{
    slide of[2];
    for (int i = 0; i < 2; i++)
        of[i] = (slide){src[2 + i], -(int64_t)conv->pad_before[i], conv->stride[i], conv->dilation[i]};
    return (windows){.rows = of[0], .columns = of[1], .R = weights[2], .S = weights[3], .width = dst[3]};
}

/* Where in a plane tap (r, s) of windows [first, first + count) lies; -1: outside. */
static inline void locate(const windows *v, int64_t r, int64_t s, int64_t first, int64_t count, int64_t *offsets)
{
    int64_t H = v->rows.length, W = v->columns.length;
    for (int64_t i = 0; i < count;) {
        int64_t p = (first + i) / v->width, q = (first + i) % v->width;
        int64_t end = count - i < v->width - q ? count : i + v->width - q; /* of this row of windows */
        int64_t h = v->rows.start + p * v->rows.step + r * v->rows.tap_step;
        int64_t w = v->columns.start + q * v->columns.step + s * v->columns.tap_step;
        bool inside = h >= 0 && h < H;
        for (; i < end; i++, w += v->columns.step) offsets[i] = inside && w >= 0 && w < W ? h * W + w : -1;
    }
}

/* panel is (PANEL / TILE, CHUNK, TILE) and receives taps [from, to) of every window, counted through the planes of src;
 * windows past `count` are zero. */
static inline void gather(const windows *v, const real *src, int64_t first, int64_t count, int64_t from, int64_t to,
                          real *panel)
{
    int64_t area = v->rows.length * v->columns.length, window = v->R * v->S, offsets[PANEL];
    for (int64_t i = count; i < PANEL; i++) offsets[i] = -1;
    for (int64_t rs = 0; rs < window; rs++) {
        int64_t c = from > rs ? (from - rs + window - 1) / window : 0;
        if (c * window + rs < to) locate(v, rs / v->S, rs % v->S, first, count, offsets);
        for (int64_t tap = c * window + rs; tap < to; tap += window, c++) {
            const real *plane = src + c * area;
            for (int64_t i = 0; i < PANEL; i++)
                panel[(i / TILE * CHUNK + tap - from) * TILE + i % TILE] = offsets[i] < 0 ? 0 : plane[offsets[i]];
        }
    }
}

/* sums (FILTERS, TILE) += rows (FILTERS, length) x panel (length, TILE). Up to SHORT products are added up as they are, on
 * registers; those sums in double, so that the error of a long sum is about one unit in the last place. */
static inline void multiply(int64_t length, const real *const rows[FILTERS], const real *panel,
                            real sums[FILTERS][TILE])
{
    double totals[FILTERS][TILE] = {{0}};
    for (int64_t from = 0; from < length; from += SHORT) {
        int64_t to = from + SHORT < length ? from + SHORT : length;
        real acc[FILTERS][TILE] = {{0}};
        for (int64_t at = from; at < to; at++)
            for (int f = 0; f < FILTERS; f++)
#pragma omp simd
                for (int i = 0; i < TILE; i++) acc[f][i] += rows[f][at] * panel[at * TILE + i];
        for (int f = 0; f < FILTERS; f++)
            for (int i = 0; i < TILE; i++) totals[f][i] += (double)acc[f][i];
    }
    for (int f = 0; f < FILTERS; f++)
        for (int i = 0; i < TILE; i++) sums[f][i] = (real)(totals[f][i] + (double)sums[f][i]);
}

#endif
