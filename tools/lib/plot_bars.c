/* plot_bars.c - bars from left to right, each with its name before it and its value behind the chart: see plot.h. */
#include "args.h"
#include "plot.h"
#include "plot_draw.h"
#include <math.h>
#include <stdio.h>

enum { RIGHT = PLOT_WIDTH - 80, MOST_TICKS = 9, BEFORE = 14, GAP = 8, FONT = 12 };
static const double most_names = .45;             /* of the page */
static const double usual_row = 20, most = 10000; /* most: for all rows, since a picture can only be so high */
static const double name_height = 14, bar_share = .65;

typedef struct frame {
    double left, bottom, end; /* end: of the axis */
    double row;
    size_t stride; /* each so many rows have a name */
} frame;

static double row_height(const plot_bars *self)
{
    return fmin(usual_row, most / fmax((double)self->nbars, 1));
}

static double at(const frame *f, double value)
{
    return f->left + fmax(value, 0) / f->end * (RIGHT - f->left);
}

static frame choose_frame(const plot_bars *self, double height, cairo_t *cairo)
{
    frame made = {.bottom = height - PLOT_BOTTOM, .end = self->hold, .row = row_height(self)};
    made.stride = (size_t)fmax(ceil(name_height / made.row), 1);
    double names = 0;
    for (size_t i = 0; i < self->nbars; i++) {
        names = fmax(names, plot_text_width(cairo, self->bars[i].label));
        made.end = fmax(made.end, fmax(self->bars[i].value, self->bars[i].high)); /* fmax leaves NaN out */
    }
    for (int i = 0; i < 2; i++) made.end = fmax(made.end, self->marks[i]);
    if (!(made.end > 0)) made.end = 1;
    made.left = BEFORE + fmin(names, most_names * PLOT_WIDTH) + GAP;
    return made;
}

static void draw_axis(const plot_bars *self, const frame *f, double height, cairo_t *cairo)
{
    char number[32];
    const double step = plot_step(f->end, MOST_TICKS);
    cairo_set_line_width(cairo, 1);
    for (int i = 0; i * step <= f->end * 1.0001; i++) {
        const double x = at(f, i * step);
        plot_pale(cairo);
        plot_stroke(cairo, x, PLOT_TOP, x, f->bottom);
        plot_ink(cairo);
        snprintf(number, sizeof number, "%.6g", i * step);
        plot_text(cairo, x, f->bottom + 20, 0.5, number);
    }
    plot_stroke(cairo, f->left, PLOT_TOP, f->left, f->bottom);
    plot_titles(cairo, f->left, RIGHT, height, self->title, self->value_title, self->note ? self->note : "");
}

static void draw_names(const plot_bar *bar, const frame *f, double middle, cairo_t *cairo)
{
    char number[32];
    plot_ink(cairo);
    cairo_set_font_size(cairo, FONT);
    plot_text(cairo, f->left - GAP, middle + 4, 1, bar->label);
    snprintf(number, sizeof number, "%.2f", bar->value);
    plot_text(cairo, PLOT_WIDTH - BEFORE, middle + 4, 1, isfinite(bar->value) ? number : "-");
}

static void draw_bar(const plot_bar *bar, const frame *f, double middle, cairo_t *cairo)
{
    const double thick = bar_share * f->row;
    if (!isfinite(bar->value)) return;
    cairo_rectangle(cairo, f->left, middle - thick / 2, at(f, bar->value) - f->left, thick);
    plot_color(cairo, bar->color, bar->pale ? .25 : 1);
    cairo_fill_preserve(cairo);
    plot_color(cairo, bar->color, 1);
    cairo_set_line_width(cairo, 1.5);
    cairo_stroke(cairo);
    if (!(bar->low < bar->high)) return;
    cairo_set_source_rgb(cairo, 1, 1, 1); /* around it, to be seen on dark bars */
    cairo_set_line_width(cairo, 4);
    plot_stroke(cairo, at(f, bar->low), middle, at(f, bar->high), middle);
    plot_ink(cairo);
    cairo_set_line_width(cairo, 1.5);
    plot_stroke(cairo, at(f, bar->low), middle, at(f, bar->high), middle);
}

static void draw(const void *what, double height, cairo_t *cairo)
{
    const plot_bars *self = what;
    cairo_set_font_size(cairo, FONT);
    const frame f = choose_frame(self, height, cairo);
    draw_axis(self, &f, height, cairo);
    for (size_t i = 0; i < self->nbars; i++) {
        const double middle = PLOT_TOP + ((double)i + .5) * f.row;
        if (i % f.stride == 0) draw_names(&self->bars[i], &f, middle, cairo);
        draw_bar(&self->bars[i], &f, middle, cairo);
    }
    plot_dash(cairo, true);
    plot_ink(cairo);
    cairo_set_line_width(cairo, 1.5);
    for (int i = 0; i < 2; i++)
        if (isfinite(self->marks[i]))
            plot_stroke(cairo, at(&f, self->marks[i]), PLOT_TOP, at(&f, self->marks[i]), f.bottom);
}

int plot_bars_write(const plot_bars *self, const char *path)
{
    return plot_files(draw, self, PLOT_TOP + PLOT_BOTTOM + ceil(row_height(self) * (double)self->nbars), path);
}
