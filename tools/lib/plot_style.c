/* plot_style.c - what tells the series of a chart apart: colours and the shapes of their points. */
#include "plot.h"
#include "plot_draw.h"
#include <math.h>

/* Okabe and Ito's seven, and five darker ones. Any two are at least 17 apart (CIE 1976), also for eyes without the receptors for red or for
 * green: tests/tools/plots.py. */
static const double colors[PLOT_COLORS][3] = {{0, .447, .698}, {.835, .369, 0}, {0, .62, .451},     {.8, .475, .655},
                                              {.902, .624, 0}, {0, 0, 0},       {.337, .706, .914}, {.4, .1, 0},
                                              {.5, .4, 1},     {.4, 0, .3},     {0, 0, 1},          {0, 0, .4}};

void plot_color(cairo_t *cairo, int color, double alpha)
{
    const double *rgb = colors[color % PLOT_COLORS];
    cairo_set_source_rgba(cairo, rgb[0], rgb[1], rgb[2], alpha);
}

/* A square on one of its corners, or on a side. */
static void square(cairo_t *cairo, double x, double y, double half, double turn)
{
    for (int i = 0; i < 4; i++) {
        double angle = turn + i * M_PI / 2;
        cairo_line_to(cairo, x + half * cos(angle), y + half * sin(angle));
    }
    cairo_close_path(cairo);
}

void plot_point(cairo_t *cairo, int color, double x, double y)
{
    enum { SHAPES = 3 };
    cairo_new_path(cairo);
    switch (color / PLOT_COLORS % SHAPES) {
    case 0:
        cairo_arc(cairo, x, y, 3, 0, 2 * M_PI);
        break;
    case 1:
        square(cairo, x, y, 4.2, M_PI / 4);
        break;
    default:
        square(cairo, x, y, 4.4, 0);
        break;
    }
    cairo_fill(cairo);
}

void plot_dash(cairo_t *cairo, bool dashed)
{
    static const double dashes[] = {6, 4};
    cairo_set_dash(cairo, dashes, dashed ? 2 : 0, 0);
}
