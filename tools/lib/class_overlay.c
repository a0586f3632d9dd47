/* class_overlay.c - classes drawn over the picture they are of: see class_map.h. */
#include "args.h"
#include "class_map.h"
#include "output.h"
#include "plot_draw.h"
#include "say.h"
#include <string.h>

/* Okabe and Ito's colours, without black. */
static const unsigned char colors[][3] = {{0xe6, 0x9f, 0x00}, {0x56, 0xb4, 0xe9}, {0x00, 0x9e, 0x73},
                                          {0xf0, 0xe4, 0x42}, {0x00, 0x72, 0xb2}, {0xd5, 0x5e, 0x00},
                                          {0xcc, 0x79, 0xa7}, {0x99, 0x99, 0x99}};
enum { COLORS = sizeof colors / sizeof *colors, CLASSES = 256, NOT_SHOWN = -1 };

static uint32_t mix(const uint8_t *rgb, int color)
{
    uint32_t made = 0;
    for (int c = 0; c < 3; c++) {
        const unsigned value = color == NOT_SHOWN ? rgb[c] : (rgb[c] * 2u + colors[color][c] * 3u) / 5u;
        made = made << 8 | value;
    }
    return made;
}

static void tint(const shunt_image *image, const shunt_segmentation *map, const int16_t *color_of,
                 cairo_surface_t *surface)
{
    unsigned char *data = cairo_image_surface_get_data(surface);
    const int stride = cairo_image_surface_get_stride(surface);
    cairo_surface_flush(surface);
    for (int64_t y = 0; y < map->height; y++) {
        for (int64_t x = 0; x < map->width; x++) {
            const int64_t at = y * map->width + x;
            const uint32_t pixel = mix(image->rgb + 3 * at, color_of[map->classes[at]]);
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
        const unsigned char *rgb = colors[i % COLORS];
        const double y = top + size / 2 + (double)i * line;
        cairo_set_source_rgb(cairo, rgb[0] / 255., rgb[1] / 255., rgb[2] / 255.);
        cairo_rectangle(cairo, size, y, size, size);
        cairo_fill(cairo);
        cairo_set_source_rgb(cairo, .1, .1, .1);
        plot_text(cairo, 2.5 * size, y + .9 * size, 0, shown[i].name);
    }
}

static cairo_status_t write_bytes(void *file, const unsigned char *data, unsigned int length)
{
    return fwrite(data, 1, length, file) == length ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_status_t draw(const shunt_image *image, const shunt_segmentation *map, const class_shown *shown,
                           size_t count, FILE *file)
{
    int16_t color_of[CLASSES];
    for (int i = 0; i < CLASSES; i++) color_of[i] = NOT_SHOWN;
    for (size_t i = 0; i < count; i++) color_of[shown[i].index] = (int16_t)(i % COLORS);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)map->width, (int)map->height);
    cairo_status_t failed = cairo_surface_status(surface);
    if (!failed) {
        tint(image, map, color_of, surface);
        cairo_t *cairo = cairo_create(surface);
        if (count) draw_names(cairo, (double)map->height, shown, count);
        failed = cairo_status(cairo);
        cairo_destroy(cairo);
    }
    if (!failed) failed = cairo_surface_write_to_png_stream(surface, write_bytes, file);
    cairo_surface_destroy(surface);
    return failed;
}

int class_overlay_write(const shunt_image *image, const shunt_segmentation *map, const class_shown *shown, size_t count,
                        const char *path)
{
    output file;
    int status = output_begin(&file, path);
    if (status) return status;
    const cairo_status_t failed = draw(image, map, shown, count, file.file);
    status = output_end(&file, !failed);
    if (status == EXIT_OK && failed) status = say_failure("%s: %s", path, cairo_status_to_string(failed));
    return status;
}
