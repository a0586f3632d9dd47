/* overlay.h - pictures with something drawn over them: what classes of pixels and boxes of objects share. Needs cairo. */
#ifndef SHUNT_TOOLS_OVERLAY_H
#define SHUNT_TOOLS_OVERLAY_H

#include <cairo.h>
#include <shunt/shunt.h>

/* Colours that the colour-blind can tell apart, used in turn. */
enum { OVERLAY_COLORS = 8 };
extern const unsigned char overlay_colors[OVERLAY_COLORS][3];

/* Writes the picture as a PNG file after `draw` has drawn on it; the file is replaced as a whole. Returns an EXIT_ number, after printing why
 * it is not EXIT_OK. */
int overlay_write(const shunt_image *image, void (*draw)(cairo_t *cairo, cairo_surface_t *surface, const void *what),
                  const void *what, const char *path);

#endif
