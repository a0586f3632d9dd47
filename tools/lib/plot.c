/* plot.c - lines: see plot.h. */
#include "plot.h"
#include "args.h"
#include "plot_draw.h"
#include "say.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEFT = 70, RIGHT = PLOT_WIDTH - 170, LABEL_HEIGHT = 16, MOST_TICKS = 9, MOST_DOTTED = 40 };
static const double bottom = PLOT_HEIGHT - PLOT_BOTTOM;
static const double most_empty = .1; /* of the x axis, before the first value */

/* Okabe and Ito's colours. */
static const double colors[PLOT_COLORS][3] = {{0, .447, .698}, {.835, .369, 0},    {0, .62, .451}, {.8, .475, .655},
                                              {.902, .624, 0}, {.337, .706, .914}, {0, 0, 0}};

/* From data to the page. A logarithmic y axis counts in powers of ten. */
typedef struct axes {
    double x_begin, x_end, x_step, y_begin, y_end, y_step;
    int y_first, y_last, y_stride; /* numbers of ticks */
    bool y_log;
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
    return LEFT + (x - a->x_begin) / (a->x_end - a->x_begin) * (RIGHT - LEFT);
}

/* Of a y_value. What goes off the page ends at its edge. */
static double at_y(const axes *a, double value)
{
    double share = (value - a->y_begin) / (a->y_end - a->y_begin);
    return bottom - fmax(fmin(share, 1.02), -0.02) * (bottom - PLOT_TOP);
}

/* ---- Drawing ---------------------------------------------------------------------------------------------------- */

static void draw_axes(const plot *self, const axes *a, cairo_t *cairo)
{
    char number[32];
    cairo_set_line_width(cairo, 1);
    cairo_set_font_size(cairo, 12);
    for (int i = a->y_first; i <= a->y_last; i += a->y_stride) {
        double value = tick(a, i), y = at_y(a, value);
        cairo_set_source_rgb(cairo, .87, .87, .87);
        plot_stroke(cairo, LEFT, y, RIGHT, y);
        cairo_set_source_rgb(cairo, .25, .25, .25);
        snprintf(number, sizeof number, a->y_log ? "%.5g" : "%.6g", a->y_log ? pow(10, value) : value);
        plot_text(cairo, LEFT - 8, y + 4, 1, number);
    }
    for (int i = (int)ceil(a->x_begin / a->x_step - 1e-9); i * a->x_step <= a->x_end * 1.0001; i++) {
        double x = at_x(a, i * a->x_step);
        plot_stroke(cairo, x, bottom, x, bottom + 5);
        snprintf(number, sizeof number, "%.6g", i * a->x_step);
        plot_text(cairo, x, bottom + 20, 0.5, number);
    }
    plot_stroke(cairo, LEFT, bottom, RIGHT, bottom);
    plot_titles(cairo, LEFT, RIGHT, self->title, self->x_title, self->y_title);
}

static void set_color(cairo_t *cairo, const plot_line *line, double alpha)
{
    const double *color = colors[line->color % PLOT_COLORS];
    cairo_set_source_rgba(cairo, color[0], color[1], color[2], alpha);
}

static void draw_band(const plot_line *line, const axes *a, cairo_t *cairo)
{
    if (!line->low || !line->high) return;
    set_color(cairo, line, .15);
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
    static const double dashes[] = {6, 4};
    set_color(cairo, line, 1);
    cairo_set_line_width(cairo, 2);
    cairo_set_dash(cairo, dashes, line->dashed ? 2 : 0, 0);
    cairo_new_path(cairo);
    for (size_t i = 0; i < line->n; i++) {
        double y = y_value(a, line->y[i]);
        if (isfinite(y))
            cairo_line_to(cairo, at_x(a, line->x[i]), at_y(a, y));
        else
            cairo_stroke(cairo);
    }
    cairo_stroke(cairo);
    cairo_set_dash(cairo, dashes, 0, 0);
    for (size_t i = 0; line->n <= MOST_DOTTED && i < line->n; i++) {
        double y = y_value(a, line->y[i]);
        if (!isfinite(y)) continue;
        cairo_arc(cairo, at_x(a, line->x[i]), at_y(a, y), 3, 0, 2 * M_PI);
        cairo_fill(cairo);
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

/* The name at the end of a line. */
typedef struct plot_label {
    const plot_line *line;
    double x, y, width;
} plot_label;

static int by_height(const void *a, const void *b)
{
    double x = ((const plot_label *)a)->y, y = ((const plot_label *)b)->y;
    return x < y ? -1 : x > y;
}

static bool are_beside(const plot_label *a, const plot_label *b)
{
    return a->x > b->x + b->width || b->x > a->x + a->width;
}

/* From the top downwards each below those above it, unless they stand beside it; then those that left the picture go up. */
static void spread_labels(plot_label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (!are_beside(&labels[i], &labels[k])) labels[i].y = fmax(labels[i].y, labels[k].y + LABEL_HEIGHT);
    for (size_t i = count; i-- > 0;) {
        labels[i].y = fmin(labels[i].y, bottom);
        for (size_t k = i + 1; k < count; k++)
            if (!are_beside(&labels[i], &labels[k])) labels[i].y = fmin(labels[i].y, labels[k].y - LABEL_HEIGHT);
    }
}

/* Lines and other colours do not cross a name: the paper shows around it. */
static void draw_label(const plot_label *self, cairo_t *cairo)
{
    cairo_move_to(cairo, self->x, self->y + 4);
    cairo_text_path(cairo, self->line->label);
    cairo_set_source_rgba(cairo, 1, 1, 1, .8);
    cairo_set_line_width(cairo, 4);
    cairo_stroke_preserve(cairo);
    set_color(cairo, self->line, 1);
    cairo_fill(cairo);
}

static void draw_labels(const plot *self, const axes *a, cairo_t *cairo)
{
    cairo_text_extents_t extents;
    size_t count = 0;
    plot_label *labels = calloc(self->nlines + 1, sizeof *labels);
    if (!labels) return;
    cairo_set_font_size(cairo, 13);
    for (size_t k = 0; k < self->nlines; k++) {
        plot_label *next = &labels[count];
        next->line = &self->lines[k];
        if (!end_of(next->line, a, &next->x, &next->y)) continue;
        cairo_text_extents(cairo, next->line->label, &extents);
        next->width = extents.x_advance;
        next->x += 8;
        count++;
    }
    qsort(labels, count, sizeof *labels, by_height);
    spread_labels(labels, count);
    for (size_t i = 0; i < count; i++) draw_label(&labels[i], cairo);
    free(labels);
}

static void draw(const void *what, cairo_t *cairo)
{
    const plot *self = what;
    axes a = choose_axes(self);
    draw_axes(self, &a, cairo);
    for (size_t k = 0; k < self->nlines; k++) draw_band(&self->lines[k], &a, cairo);
    for (size_t k = 0; k < self->nlines; k++) draw_line(&self->lines[k], &a, cairo);
    draw_labels(self, &a, cairo);
}

int plot_write(const plot *self, const char *path)
{
    return plot_files(draw, self, path);
}
