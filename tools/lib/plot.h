/* plot.h - charts as SVG and PNG: lines, bars, and maps of a value over two axes. The names of lines stand beside the chart, so none
 * lies on a line. Axes are named. The colour-blind can tell the colours apart. */
#ifndef SHUNT_TOOLS_PLOT_H
#define SHUNT_TOOLS_PLOT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct plot_line {
    const char *label;
    const double *x, *y; /* in the order of x, which counts something; a y that is not finite leaves a gap */
    size_t n;
    int color; /* from 0; those above PLOT_COLORS repeat, with points of another shape */
    bool dashed;
    const double *low, *high; /* a pale band around it; or NULL */
} plot_line;

enum { PLOT_COLORS = 12 };

typedef struct plot {
    const char *title, *x_title, *y_title;
    const plot_line *lines;
    size_t nlines;
    double y_most;    /* the most that the axis shows, if larger values are cut off; 0: it shows all */
    bool y_fit;       /* the axis begins near the least value, not at 0 */
    double y_hold[2]; /* further values that the axis includes, so that two plots can have the same axis; equal: none */
    bool y_log;       /* ten times as much is a step; what is not above 0 leaves a gap */
    /* Where no line has more than one value, they become bars with this title: a single point says less. NULL: they stay lines. */
    const char *bars_title;
} plot;

/* Writes PATH.svg and PATH.png, each replaced as a whole. The x axis starts at 0, or where few values would
 * leave much of it empty, at the first one. Returns an EXIT_ number. */
int plot_write(const plot *self, const char *path);

typedef struct plot_bar {
    const char *label;
    double value;     /* not finite: none */
    double low, high; /* a thin line from the one to the other, unless they are equal */
    int color;
    bool pale; /* an outline around a pale bar */
} plot_bar;

/* Bars from 0 to the right, one below the other; their values stand at the right. */
typedef struct plot_bars {
    const char *title, *value_title;
    const char *note; /* what pale bars and the marks mean; or NULL */
    const plot_bar *bars;
    size_t nbars;
    double marks[2]; /* values with a dashed line across all bars; NaN: none */
    double hold;     /* the axis shows it, as struct plot's y_hold */
} plot_bars;

/* As plot_write. */
int plot_bars_write(const plot_bars *self, const char *path);

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
/* False in a build without a library to draw with: then they do nothing. */
bool plot_can_draw(void);

#endif
