/* plot.h - a chart of lines as SVG and PNG: named axes, each line's name at its end, colours that the colour-blind can tell
 * apart. */
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
} plot_line;

enum { PLOT_COLORS = 7 };

typedef struct plot {
    const char *title, *x_title, *y_title;
    const plot_line *lines;
    size_t nlines;
    double y_most; /* where the axis ends at most, for what goes off; 0: it holds all */
} plot;

/* Writes PATH.svg and PATH.png, each replaced as a whole. Axes start at 0. Returns an EXIT_ number. */
int plot_write(const plot *self, const char *path);
/* False in a build without a library to draw with: then plot_write does nothing. */
bool plot_can_draw(void);

#endif
