/* plot_draw.h - what the kinds of charts are drawn with: a page of cairo's, written as SVG and PNG by the same strokes. */
#ifndef SHUNT_TOOLS_PLOT_DRAW_H
#define SHUNT_TOOLS_PLOT_DRAW_H

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>

/* The usual page. One with many names is higher. */
enum { PLOT_WIDTH = 800, PLOT_HEIGHT = 480, PLOT_TOP = 62, PLOT_BOTTOM = 56 };

/* Writes PATH.svg and PATH.png, each replaced as a whole. Returns an EXIT_ number. */
int plot_files(void (*draw)(const void *what, double height, cairo_t *cairo), const void *what, double height,
               const char *path);

/* align 0: begins at x; 0.5: in the middle of it; 1: ends there. */
void plot_text(cairo_t *cairo, double x, double y, double align, const char *string);
double plot_text_width(cairo_t *cairo, const char *string);
void plot_stroke(cairo_t *cairo, double x0, double y0, double x1, double y1);
/* left, right: where the chart begins and ends; height: of the page. */
void plot_titles(cairo_t *cairo, double left, double right, double height, const char *title, const char *x_title,
                 const char *y_title);
/* The gray of axes and names, and that of the lines across the chart. */
void plot_ink(cairo_t *cairo);
void plot_pale(cairo_t *cairo);
/* Of an axis from low to high: the least of 1, 2, 5, 10, 20 ... times a power of ten that makes few enough parts. */
double plot_step(double range, int most);

/* ---- Of series: plot_style.c ------------------------------------------------------------------------------------------ */

void plot_color(cairo_t *cairo, int color, double alpha);
/* In the colour that is set; its shape changes where colours repeat. */
void plot_point(cairo_t *cairo, int color, double x, double y);
void plot_dash(cairo_t *cairo, bool dashed);

/* ---- Names of lines, in the margin: plot_labels.c ----------------------------------------------------------------------- */

typedef struct plot_label {
    const char *text;
    int color;
    bool dashed;
    double x, y; /* where its line ends */
    double place;
} plot_label;

enum { PLOT_LABEL_HEIGHT = 16 };

/* Beside the chart, between top and bottom, as near to their lines' heights as they may without touching. margin: where it begins. */
void plot_labels(cairo_t *cairo, plot_label *labels, size_t count, double margin, double top, double bottom);
/* How wide the margin must be. */
double plot_labels_width(cairo_t *cairo, const plot_label *labels, size_t count);

#endif
