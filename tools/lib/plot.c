/* plot.c - lines: see plot.h. */
#include "plot.h"
#include "args.h"
#include "plot_draw.h"
#include "say.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEFT = 70, MOST_TICKS = 9, MOST_DOTTED = 40 };
static const double most_empty = .1;   /* of the x axis, before the first value */
static const double most_margin = .45; /* of the page, for the names */

/* From data to the page. A logarithmic y axis counts in powers of ten. */
typedef struct axes {
    double x_begin, x_end, x_step, y_begin, y_end, y_step;
    int y_first, y_last, y_stride; /* numbers of ticks */
    bool y_log;
    double right, bottom; /* of the chart, on the page */
} axes;

/* ---- Axes ----------------------------------------------------------------------------------------------------- */

/* NaN: nowhere. */
static double y_value(const axes *a, double y)
{
    if (!a->y_log) return isfinite(y) ? y : NAN;
    return y > 0 && isfinite(y) ? log10(y) : NAN;
}

/* Where tick number i is: at multiples of y_step, or at the powers of ten, i / 3, times 1, 2 or 5. */
static double tick(const axes *a, int i)
{
    static const double parts[] = {0, 0.30103, 0.69897};
    if (!a->y_log) return i * a->y_step;
    int power = (int)floor(i / 3.0);
    return power + parts[i - 3 * power];
}

/* The ticks around low .. high. */
static void choose_ticks(axes *a, double low, double high)
{
    a->y_step = a->y_log ? 1 : plot_step(high - low, MOST_TICKS);
    a->y_stride = a->y_log && high - low > 3 ? 3 : 1;
    a->y_first = (a->y_log ? 3 : 1) * (int)floor(low / a->y_step + 1e-9);
    a->y_last = a->y_first;
    while (tick(a, a->y_first + a->y_stride) <= low + 1e-9) a->y_first += a->y_stride;
    while (tick(a, a->y_last) < high - 1e-9 * a->y_step) a->y_last += a->y_stride;
    a->y_begin = tick(a, a->y_first);
    a->y_end = tick(a, a->y_last);
}

static void stretch(const axes *a, const double *y, size_t n, double *low, double *high)
{
    for (size_t i = 0; y && i < n; i++) {
        *low = fmin(*low, y_value(a, y[i])); /* fmin and fmax leave NaN out */
        *high = fmax(*high, y_value(a, y[i]));
    }
}

static axes choose_axes(const plot *self)
{
    axes made = {.y_log = self->y_log};
    double low = INFINITY, high = -INFINITY, x_least = INFINITY;
    for (size_t k = 0; k < self->nlines; k++) {
        const plot_line *line = &self->lines[k];
        for (size_t i = 0; i < line->n; i++) made.x_end = fmax(made.x_end, line->x[i]);
        if (line->n) x_least = fmin(x_least, line->x[0]);
        stretch(&made, line->y, line->n, &low, &high);
        stretch(&made, line->low, line->n, &low, &high);
        stretch(&made, line->high, line->n, &low, &high);
    }
    if (self->y_hold[0] < self->y_hold[1]) stretch(&made, self->y_hold, 2, &low, &high);
    if (!(low <= high)) low = high = 0;
    if (self->y_most > 0) high = fmin(high, y_value(&made, self->y_most));
    if (!self->y_fit && !self->y_log) low = fmin(low, 0);
    if (!(high > low)) high = low + 1;
    if (!(made.x_end > 0)) made.x_end = 1;
    if (x_least < made.x_end && x_least > made.x_end * most_empty) made.x_begin = x_least;
    made.x_step = fmax(plot_step(made.x_end - made.x_begin, MOST_TICKS), 1);
    choose_ticks(&made, low, high);
    return made;
}

static double at_x(const axes *a, double x)
{
    return LEFT + (x - a->x_begin) / (a->x_end - a->x_begin) * (a->right - LEFT);
}

/* Of a y_value. What goes off the page ends at its edge. */
static double at_y(const axes *a, double value)
{
    double share = (value - a->y_begin) / (a->y_end - a->y_begin);
    return a->bottom - fmax(fmin(share, 1.02), -0.02) * (a->bottom - PLOT_TOP);
}

/* ---- Drawing ---------------------------------------------------------------------------------------------------- */

static void draw_axes(const plot *self, const axes *a, double height, cairo_t *cairo)
{
    const double right = a->right, bottom = a->bottom;
    char number[32];
    cairo_set_line_width(cairo, 1);
    cairo_set_font_size(cairo, 12);
    for (int i = a->y_first; i <= a->y_last; i += a->y_stride) {
        double value = tick(a, i), y = at_y(a, value);
        plot_pale(cairo);
        plot_stroke(cairo, LEFT, y, right, y);
        plot_ink(cairo);
        snprintf(number, sizeof number, a->y_log ? "%.5g" : "%.6g", a->y_log ? pow(10, value) : value);
        plot_text(cairo, LEFT - 8, y + 4, 1, number);
    }
    for (int i = (int)ceil(a->x_begin / a->x_step - 1e-9); i * a->x_step <= a->x_end * 1.0001; i++) {
        double x = at_x(a, i * a->x_step);
        plot_stroke(cairo, x, bottom, x, bottom + 5);
        snprintf(number, sizeof number, "%.6g", i * a->x_step);
        plot_text(cairo, x, bottom + 20, 0.5, number);
    }
    plot_stroke(cairo, LEFT, bottom, right, bottom);
    plot_titles(cairo, LEFT, right, height, self->title, self->x_title, self->y_title);
}

static void draw_band(const plot_line *line, const axes *a, cairo_t *cairo)
{
    if (!line->low || !line->high) return;
    plot_color(cairo, line->color, .15);
    cairo_new_path(cairo);
    for (size_t i = 0; i < line->n; i++) {
        double y = y_value(a, line->low[i]);
        if (isfinite(y)) cairo_line_to(cairo, at_x(a, line->x[i]), at_y(a, y));
    }
    for (size_t i = line->n; i-- > 0;) {
        double y = y_value(a, line->high[i]);
        if (isfinite(y)) cairo_line_to(cairo, at_x(a, line->x[i]), at_y(a, y));
    }
    cairo_fill(cairo);
}

/* Few values are dotted, too: else one that stands alone could not be seen. */
static void draw_line(const plot_line *line, const axes *a, cairo_t *cairo)
{
    plot_color(cairo, line->color, 1);
    cairo_set_line_width(cairo, 2);
    plot_dash(cairo, line->dashed);
    cairo_new_path(cairo);
    for (size_t i = 0; i < line->n; i++) {
        double y = y_value(a, line->y[i]);
        if (isfinite(y))
            cairo_line_to(cairo, at_x(a, line->x[i]), at_y(a, y));
        else
            cairo_stroke(cairo);
    }
    cairo_stroke(cairo);
    plot_dash(cairo, false);
    for (size_t i = 0; line->n <= MOST_DOTTED && i < line->n; i++) {
        double y = y_value(a, line->y[i]);
        if (isfinite(y)) plot_point(cairo, line->color, at_x(a, line->x[i]), at_y(a, y));
    }
}

/* Where the line ends; false for one without values. */
static bool end_of(const plot_line *line, const axes *a, double *x, double *y)
{
    size_t last = line->n;
    while (last && !isfinite(y_value(a, line->y[last - 1]))) last--;
    if (!last) return false;
    *x = at_x(a, line->x[last - 1]);
    *y = at_y(a, y_value(a, line->y[last - 1]));
    return true;
}

static bool has_end(const plot_line *line, bool y_log)
{
    double x, y;
    return end_of(line, &(axes){.x_end = 1, .y_end = 1, .y_log = y_log}, &x, &y);
}

/* Those of lines with values; where they end is filled in later. Returns NULL without memory. */
static plot_label *list_labels(const plot *self, size_t *count)
{
    plot_label *labels = calloc(self->nlines + 1, sizeof *labels);
    *count = 0;
    for (size_t k = 0; labels && k < self->nlines; k++) {
        const plot_line *line = &self->lines[k];
        if (has_end(line, self->y_log))
            labels[(*count)++] = (plot_label){.text = line->label, .color = line->color, .dashed = line->dashed};
    }
    return labels;
}

static void draw_labels(const plot *self, const axes *a, plot_label *labels, size_t count, cairo_t *cairo)
{
    size_t i = 0;
    for (size_t k = 0; i < count && k < self->nlines; k++) i += end_of(&self->lines[k], a, &labels[i].x, &labels[i].y);
    plot_labels(cairo, labels, count, a->right, PLOT_TOP, a->bottom);
}

static void draw(const void *what, double height, cairo_t *cairo)
{
    const plot *self = what;
    size_t count;
    plot_label *labels = list_labels(self, &count);
    axes a = choose_axes(self);
    a.bottom = height - PLOT_BOTTOM;
    a.right = PLOT_WIDTH - fmin(plot_labels_width(cairo, labels, count), most_margin * PLOT_WIDTH);
    draw_axes(self, &a, height, cairo);
    for (size_t k = 0; k < self->nlines; k++) draw_band(&self->lines[k], &a, cairo);
    for (size_t k = 0; k < self->nlines; k++) draw_line(&self->lines[k], &a, cairo);
    draw_labels(self, &a, labels, count, cairo);
    free(labels);
}

/* ---- As bars ----------------------------------------------------------------------------------------------------- */

static bool is_single(const plot *self)
{
    for (size_t k = 0; k < self->nlines; k++)
        if (self->lines[k].n > 1) return false;
    return self->nlines > 0;
}

static int write_bars(const plot *self, const char *path)
{
    plot_bar *bars = calloc(self->nlines, sizeof *bars);
    plot_bars made = {.title = self->title,
                      .value_title = self->bars_title,
                      .bars = bars,
                      .nbars = self->nlines,
                      .marks = {NAN, NAN},
                      .hold = self->y_hold[1]};
    if (!bars) return say_failure("%s: no memory to draw it", path);
    for (size_t k = 0; k < self->nlines; k++) {
        const plot_line *line = &self->lines[k];
        bars[k] = (plot_bar){line->label, NAN, NAN, NAN, line->color, line->dashed};
        if (!line->n) continue;
        bars[k].value = line->y[0];
        bars[k].low = line->low ? line->low[0] : NAN;
        bars[k].high = line->high ? line->high[0] : NAN;
    }
    int status = plot_bars_write(&made, path);
    free(bars);
    return status;
}

int plot_write(const plot *self, const char *path)
{
    if (self->bars_title && is_single(self)) return write_bars(self, path);
    const double needed = PLOT_TOP + PLOT_BOTTOM + PLOT_LABEL_HEIGHT * (double)self->nlines;
    return plot_files(draw, self, fmax(PLOT_HEIGHT, needed), path);
}
