/* plot.h - charts as SVG and PNG: lines with their names at their ends, and maps of a value over two axes. Axes are named, and
 * the colour-blind can tell the colours apart. */
#ifndef SHUNT_TOOLS_PLOT_H
#define SHUNT_TOOLS_PLOT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct plot_line {
    const char *label;
    const double *x, *y; /* in the order of x, which counts something; a y that is not finite leaves a gap */
    size_t n;
    int color; /* 0 .. PLOT_COLORS - 1 */
    bool dashed;
    const double *low, *high; /* a pale band around it; or NULL */
} plot_line;

enum { PLOT_COLORS = 7 };

typedef struct plot {
    const char *title, *x_title, *y_title;
    const plot_line *lines;
    size_t nlines;
    double y_most;    /* the most that the axis shows, if larger values are cut off; 0: it shows all */
    bool y_fit;       /* the axis begins near the least value, not at 0 */
    double y_hold[2]; /* further values that the axis includes, so that two plots can have the same axis; equal: none */
    bool y_log;       /* ten times as much is a step; what is not above 0 leaves a gap */
} plot;

/* Writes PATH.svg and PATH.png, each replaced as a whole. The x axis starts at 0, or where few values would
 * leave much of it empty, at the first one. Returns an EXIT_ number. */
int plot_write(const plot *self, const char *path);

/* rows x columns values, each a coloured field, on a scale of powers of ten. */
typedef struct plot_map {
    const char *title, *x_title, *y_title, *value_title;
    size_t rows, columns;
    const double *values;         /* row by row, the first row at the top; what is not above 0 stays white */
    const char *const *row_names; /* as many as there is room for are shown */
    const char *const *column_names;
    double low, high; /* where the scale ends; 0: as the values do */
} plot_map;

/* As plot_write. */
int plot_map_write(const plot_map *self, const char *path);
/* False in a build without a library to draw with: then the two do nothing. */
bool plot_can_draw(void);

#endif
