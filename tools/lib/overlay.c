/* overlay.c - see overlay.h. */
#include "overlay.h"
#include "args.h"
#include "output.h"
#include "say.h"
#include <string.h>

/* Okabe and Ito's colours, without black. */
const unsigned char overlay_colors[OVERLAY_COLORS][3] = {{0xe6, 0x9f, 0x00}, {0x56, 0xb4, 0xe9}, {0x00, 0x9e, 0x73},
                                                         {0xf0, 0xe4, 0x42}, {0x00, 0x72, 0xb2}, {0xd5, 0x5e, 0x00},
                                                         {0xcc, 0x79, 0xa7}, {0x99, 0x99, 0x99}};

static void copy(const shunt_image *image, cairo_surface_t *surface)
{
    unsigned char *data = cairo_image_surface_get_data(surface);
    const int stride = cairo_image_surface_get_stride(surface);
    cairo_surface_flush(surface);
    for (int64_t y = 0; y < image->height; y++) {
        for (int64_t x = 0; x < image->width; x++) {
            const uint8_t *rgb = image->rgb + 3 * (y * image->width + x);
            const uint32_t pixel = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
            memcpy(data + y * stride + 4 * x, &pixel, sizeof pixel);
        }
    }
    cairo_surface_mark_dirty(surface);
}

static cairo_status_t write_bytes(void *file, const unsigned char *data, unsigned int length)
{
    return fwrite(data, 1, length, file) == length ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

int overlay_write(const shunt_image *image, void (*draw)(cairo_t *cairo, cairo_surface_t *surface, const void *what),
                  const void *what, const char *path)
{
    output file;
    int status = output_begin(&file, path);
    if (status) return status;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)image->width, (int)image->height);
    cairo_status_t failed = cairo_surface_status(surface);
    if (!failed) {
        copy(image, surface);
        cairo_t *cairo = cairo_create(surface);
        draw(cairo, surface, what);
        failed = cairo_status(cairo);
        cairo_destroy(cairo);
    }
    if (!failed) failed = cairo_surface_write_to_png_stream(surface, write_bytes, file.file);
    cairo_surface_destroy(surface);
    status = output_end(&file, !failed);
    if (status == EXIT_OK && failed) status = say_failure("%s: %s", path, cairo_status_to_string(failed));
    return status;
}
