/* plot_map.c - maps of a value over two axes: see plot.h. */
#include "args.h"
#include "plot.h"
#include "plot_draw.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LEFT = 130,
    RIGHT = PLOT_WIDTH - 130,
    BAR = PLOT_WIDTH - 100,
    BAR_WIDTH = 18,
    NAME_HEIGHT = 13,
    NAME_WIDTH = 34
};
static const double bottom = PLOT_HEIGHT - PLOT_BOTTOM;

/* From dark to light, even in what the eye takes for lightness, for the colour-blind as for others. */
static const unsigned char scale[][3] = {{0x44, 0x01, 0x54}, {0x48, 0x28, 0x78}, {0x3e, 0x4a, 0x89}, {0x31, 0x68, 0x8e},
                                         {0x26, 0x82, 0x8e}, {0x1f, 0x9e, 0x89}, {0x35, 0xb7, 0x79}, {0x6e, 0xce, 0x58},
                                         {0xb5, 0xde, 0x2b}, {0xfd, 0xe7, 0x25}};
enum { COLORS = sizeof scale / sizeof *scale };

/* share: 0 to 1. */
static void set_color(cairo_t *cairo, double share)
{
    double at = fmax(0, fmin(share, 1)) * (COLORS - 1), part = at - floor(at), rgb[3];
    int i = (int)at, next = i + 1 < COLORS ? i + 1 : i;
    for (int c = 0; c < 3; c++) rgb[c] = ((1 - part) * scale[i][c] + part * scale[next][c]) / 255;
    cairo_set_source_rgb(cairo, rgb[0], rgb[1], rgb[2]);
}

typedef struct range {
    double low, high; /* powers of ten */
} range;

static range choose_range(const plot_map *self)
{
    range made = {INFINITY, -INFINITY};
    for (size_t i = 0; i < self->rows * self->columns; i++)
        if (self->values[i] > 0 && isfinite(self->values[i])) {
            made.low = fmin(made.low, log10(self->values[i]));
            made.high = fmax(made.high, log10(self->values[i]));
        }
    if (self->low > 0) made.low = log10(self->low);
    if (self->high > 0) made.high = log10(self->high);
    if (!(made.low <= made.high)) made.low = made.high = 0;
    if (made.high - made.low < 0.1) made.high = made.low + 0.1;
    return made;
}

static void draw_fields(const plot_map *self, const range *r, cairo_t *cairo)
{
    double width = (double)(RIGHT - LEFT) / (double)self->columns, height = (bottom - PLOT_TOP) / (double)self->rows;
    cairo_set_antialias(cairo, CAIRO_ANTIALIAS_NONE); /* else white seams between the fields */
    for (size_t i = 0; i < self->rows * self->columns; i++) {
        double value = self->values[i];
        if (!(value > 0) || !isfinite(value)) continue;
        set_color(cairo, (log10(value) - r->low) / (r->high - r->low));
        cairo_rectangle(cairo, LEFT + (double)(i % self->columns) * width,
                        PLOT_TOP + (double)(i / self->columns) * height, width, height);
        cairo_fill(cairo);
    }
    cairo_set_antialias(cairo, CAIRO_ANTIALIAS_DEFAULT);
}

/* Every so many that names do not touch. */
static size_t stride_of(size_t count, double room, double each)
{
    size_t stride = 1;
    while ((double)stride * room / (double)count < each) stride++;
    return stride;
}

static void draw_names(const plot_map *self, cairo_t *cairo)
{
    double width = (double)(RIGHT - LEFT) / (double)self->columns, height = (bottom - PLOT_TOP) / (double)self->rows;
    size_t every_row = stride_of(self->rows, bottom - PLOT_TOP, NAME_HEIGHT);
    size_t every_column = stride_of(self->columns, RIGHT - LEFT, NAME_WIDTH);
    plot_ink(cairo);
    cairo_set_font_size(cairo, 11);
    for (size_t i = 0; i < self->rows; i += every_row)
        plot_text(cairo, LEFT - 6, PLOT_TOP + ((double)i + .5) * height + 4, 1, self->row_names[i]);
    cairo_set_font_size(cairo, 12);
    for (size_t i = 0; i < self->columns; i += every_column)
        plot_text(cairo, LEFT + ((double)i + .5) * width, bottom + 18, 0.5, self->column_names[i]);
}

static void draw_scale(const plot_map *self, const range *r, cairo_t *cairo)
{
    enum { PARTS = 128 };
    double height = bottom - PLOT_TOP, step = plot_step(r->high - r->low, 6);
    char number[32];
    for (int i = 0; i < PARTS; i++) {
        set_color(cairo, (i + .5) / PARTS);
        cairo_rectangle(cairo, BAR, bottom - (i + 1) * height / PARTS, BAR_WIDTH, height / PARTS + .5);
        cairo_fill(cairo);
    }
    plot_ink(cairo);
    cairo_set_line_width(cairo, 1);
    for (double value = ceil(r->low / step - 1e-9) * step; value <= r->high + 1e-9; value += step) {
        double y = bottom - (value - r->low) / (r->high - r->low) * height;
        plot_stroke(cairo, BAR + BAR_WIDTH, y, BAR + BAR_WIDTH + 4, y);
        snprintf(number, sizeof number, value < 2 ? "%.2g" : "%.0f", pow(10, value));
        plot_text(cairo, BAR + BAR_WIDTH + 8, y + 4, 0, number);
    }
    cairo_set_font_size(cairo, 13);
    plot_text(cairo, PLOT_WIDTH - 14, PLOT_TOP - 16, 1, self->value_title);
}

static void draw(const void *what, double height, cairo_t *cairo)
{
    const plot_map *self = what;
    range r = choose_range(self);
    draw_fields(self, &r, cairo);
    draw_names(self, cairo);
    draw_scale(self, &r, cairo);
    plot_titles(cairo, LEFT, RIGHT, height, self->title, self->x_title, self->y_title);
}

int plot_map_write(const plot_map *self, const char *path)
{
    return self->rows && self->columns ? plot_files(draw, self, PLOT_HEIGHT, path) : EXIT_OK;
}
