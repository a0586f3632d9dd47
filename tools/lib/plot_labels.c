/* plot_labels.c - the names of lines: in the margin, where no line is, each with a piece of its line. */
#include "plot_draw.h"
#include <math.h>
#include <stdlib.h>

enum { FONT = 13, BEFORE = 14, SAMPLE = 18, GAP = 5, AFTER = 8 };

static int by_height(const void *a, const void *b)
{
    double x = ((const plot_label *)a)->y, y = ((const plot_label *)b)->y;
    return x < y ? -1 : x > y;
}

/* From the top downwards each below the one before; then those that left the chart go up. */
static void place(plot_label *labels, size_t count, double top, double bottom)
{
    qsort(labels, count, sizeof *labels, by_height);
    for (size_t i = 0; i < count; i++)
        labels[i].place = fmax(labels[i].y, i ? labels[i - 1].place + PLOT_LABEL_HEIGHT : top);
    for (size_t i = count; i-- > 0;)
        labels[i].place = fmin(labels[i].place, i + 1 < count ? labels[i + 1].place - PLOT_LABEL_HEIGHT : bottom);
}

double plot_labels_width(cairo_t *cairo, const plot_label *labels, size_t count)
{
    double width = 0;
    cairo_set_font_size(cairo, FONT);
    for (size_t i = 0; i < count; i++) width = fmax(width, plot_text_width(cairo, labels[i].text));
    return BEFORE + SAMPLE + GAP + width + AFTER;
}

/* A thin line leads from the end of the line to the name. */
static void draw(cairo_t *cairo, const plot_label *self, double x)
{
    plot_color(cairo, self->color, .45);
    cairo_set_line_width(cairo, .75);
    if (self->x < x - BEFORE) plot_stroke(cairo, self->x, self->y, x - BEFORE, self->y);
    plot_stroke(cairo, x - BEFORE, self->y, x, self->place);
    plot_color(cairo, self->color, 1);
    cairo_set_line_width(cairo, 2);
    plot_dash(cairo, self->dashed);
    plot_stroke(cairo, x, self->place, x + SAMPLE, self->place);
    plot_dash(cairo, false);
    plot_point(cairo, self->color, x + SAMPLE / 2.0, self->place);
    plot_ink(cairo);
    plot_text(cairo, x + SAMPLE + GAP, self->place + 4, 0, self->text);
}

void plot_labels(cairo_t *cairo, plot_label *labels, size_t count, double margin, double top, double bottom)
{
    place(labels, count, top, bottom);
    cairo_set_font_size(cairo, FONT);
    for (size_t i = 0; i < count; i++) draw(cairo, &labels[i], margin + BEFORE);
}
