/* class_overlay.c - classes drawn over the picture they are of: see class_map.h. */
#include "class_map.h"
#include "overlay.h"
#include "plot_draw.h"
#include <string.h>

enum { CLASSES = 256, NOT_SHOWN = -1 };

/* What is drawn. */
typedef struct classes {
    const shunt_segmentation *map;
    const class_shown *shown;
    size_t count;
} classes;

static uint32_t mix(uint32_t pixel, const unsigned char *color)
{
    uint32_t made = 0;
    for (int c = 0; c < 3; c++) {
        const unsigned value = pixel >> (16 - 8 * c) & 0xff;
        made = made << 8 | (value * 2u + color[c] * 3u) / 5u;
    }
    return made;
}

static void tint(const shunt_segmentation *map, const int16_t *color_of, cairo_surface_t *surface)
{
    unsigned char *data = cairo_image_surface_get_data(surface);
    const int stride = cairo_image_surface_get_stride(surface);
    cairo_surface_flush(surface);
    for (int64_t y = 0; y < map->height; y++) {
        for (int64_t x = 0; x < map->width; x++) {
            const int16_t color = color_of[map->classes[y * map->width + x]];
            uint32_t pixel;
            if (color == NOT_SHOWN) continue;
            memcpy(&pixel, data + y * stride + 4 * x, sizeof pixel);
            pixel = mix(pixel, overlay_colors[color]);
            memcpy(data + y * stride + 4 * x, &pixel, sizeof pixel);
        }
    }
    cairo_surface_mark_dirty(surface);
}

/* A square of each colour with the class's name, in the lower left corner: as many as there is room for. */
static void draw_names(cairo_t *cairo, double height, const class_shown *shown, size_t count)
{
    const double size = height / 40 < 10 ? 10 : height / 40, line = 1.5 * size;
    const size_t room = (size_t)(height / line);
    cairo_text_extents_t extents;
    double width = 0;
    if (count >= room) count = room ? room - 1 : 0;
    cairo_set_font_size(cairo, size);
    for (size_t i = 0; i < count; i++) {
        cairo_text_extents(cairo, shown[i].name, &extents);
        if (extents.x_advance > width) width = extents.x_advance;
    }
    const double top = height - (double)count * line - size;
    cairo_set_source_rgba(cairo, 1, 1, 1, .8);
    cairo_rectangle(cairo, size / 2, top, width + 3 * size, (double)count * line + size / 2);
    cairo_fill(cairo);
    for (size_t i = 0; i < count; i++) {
        const unsigned char *rgb = overlay_colors[i % OVERLAY_COLORS];
        const double y = top + size / 2 + (double)i * line;
        cairo_set_source_rgb(cairo, rgb[0] / 255., rgb[1] / 255., rgb[2] / 255.);
        cairo_rectangle(cairo, size, y, size, size);
        cairo_fill(cairo);
        cairo_set_source_rgb(cairo, .1, .1, .1);
        plot_text(cairo, 2.5 * size, y + .9 * size, 0, shown[i].name);
    }
}

static void draw(cairo_t *cairo, cairo_surface_t *surface, const void *what)
{
    const classes *self = what;
    int16_t color_of[CLASSES];
    for (int i = 0; i < CLASSES; i++) color_of[i] = NOT_SHOWN;
    for (size_t i = 0; i < self->count; i++) color_of[self->shown[i].index] = (int16_t)(i % OVERLAY_COLORS);
    tint(self->map, color_of, surface);
    if (self->count) draw_names(cairo, (double)self->map->height, self->shown, self->count);
}

int class_overlay_write(const shunt_image *image, const shunt_segmentation *map, const class_shown *shown, size_t count,
                        const char *path)
{
    return overlay_write(image, draw, &(classes){map, shown, count}, path);
}
