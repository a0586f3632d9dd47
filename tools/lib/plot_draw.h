/* plot_draw.h - what the kinds of charts are drawn with: a page of cairo's, written as SVG and PNG by the same strokes. */
#ifndef SHUNT_TOOLS_PLOT_DRAW_H
#define SHUNT_TOOLS_PLOT_DRAW_H

#include <cairo.h>

enum { PLOT_WIDTH = 800, PLOT_HEIGHT = 480, PLOT_TOP = 62, PLOT_BOTTOM = 56 };

/* Writes PATH.svg and PATH.png, each replaced as a whole. Returns an EXIT_ number. */
int plot_files(void (*draw)(const void *what, cairo_t *cairo), const void *what, const char *path);

/* align 0: begins at x; 0.5: in the middle of it; 1: ends there. */
void plot_text(cairo_t *cairo, double x, double y, double align, const char *string);
void plot_stroke(cairo_t *cairo, double x0, double y0, double x1, double y1);
/* left, right: where the chart begins and ends. */
void plot_titles(cairo_t *cairo, double left, double right, const char *title, const char *x_title,
                 const char *y_title);
/* Of an axis from low to high: the least of 1, 2, 5, 10, 20 ... times a power of ten that makes few enough parts. */
double plot_step(double range, int most);

#endif
