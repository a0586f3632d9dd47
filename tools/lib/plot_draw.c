/* plot_draw.c - see plot_draw.h. */
#include "plot_draw.h"
#include "args.h"
#include "output.h"
#include "plot.h"
#include "say.h"
#include <cairo-svg.h>
#include <math.h>

/* ---- Parts of a chart ------------------------------------------------------------------------------------------------ */

double plot_step(double range, int most)
{
    double power = pow(10, floor(log10(range / most)));
    while (range / power > most) {
        if (range / (2 * power) <= most) return 2 * power;
        if (range / (5 * power) <= most) return 5 * power;
        power *= 10;
    }
    return power;
}

double plot_text_width(cairo_t *cairo, const char *string)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cairo, string, &extents);
    return extents.x_advance;
}

void plot_text(cairo_t *cairo, double x, double y, double align, const char *string)
{
    cairo_move_to(cairo, x - align * plot_text_width(cairo, string), y);
    cairo_show_text(cairo, string);
}

void plot_ink(cairo_t *cairo)
{
    cairo_set_source_rgb(cairo, .25, .25, .25);
}

void plot_pale(cairo_t *cairo)
{
    cairo_set_source_rgb(cairo, .87, .87, .87);
}

void plot_stroke(cairo_t *cairo, double x0, double y0, double x1, double y1)
{
    cairo_move_to(cairo, x0, y0);
    cairo_line_to(cairo, x1, y1);
    cairo_stroke(cairo);
}

void plot_titles(cairo_t *cairo, double left, double right, double height, const char *title, const char *x_title,
                 const char *y_title)
{
    double middle = (left + right) / 2;
    plot_ink(cairo);
    cairo_set_font_size(cairo, 13);
    plot_text(cairo, middle, height - 14, 0.5, x_title);
    plot_text(cairo, 14, PLOT_TOP - 16, 0, y_title);
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size(cairo, 15);
    plot_text(cairo, PLOT_WIDTH / 2.0, 22, 0.5, title);
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
}

/* ---- Files ------------------------------------------------------------------------------------------------------------ */

typedef struct page {
    void (*draw)(const void *what, double height, cairo_t *cairo);
    const void *what;
    double height;
} page;

static cairo_status_t draw(const page *self, cairo_surface_t *surface)
{
    cairo_t *cairo = cairo_create(surface);
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    self->draw(self->what, self->height, cairo);
    cairo_status_t status = cairo_status(cairo);
    cairo_destroy(cairo);
    return status;
}

static cairo_status_t write_some(void *file, const unsigned char *data, unsigned length)
{
    return fwrite(data, 1, length, file) == length ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_status_t draw_svg(const page *self, FILE *file)
{
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(write_some, file, PLOT_WIDTH, self->height);
    cairo_status_t status = draw(self, surface);
    cairo_surface_finish(surface);
    if (!status) status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return status;
}

static cairo_status_t draw_png(const page *self, FILE *file)
{
    enum { SCALE = 2 }; /* for screens with small pixels */
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, PLOT_WIDTH * SCALE, (int)self->height * SCALE);
    cairo_surface_set_device_scale(surface, SCALE, SCALE);
    cairo_status_t status = draw(self, surface);
    if (!status) status = cairo_surface_write_to_png_stream(surface, write_some, file);
    cairo_surface_destroy(surface);
    return status;
}

static int write_one(const page *self, const char *path, const char *ending,
                     cairo_status_t (*draw_file)(const page *self, FILE *file))
{
    char name[4096];
    output file;
    snprintf(name, sizeof name, "%s.%s", path, ending);
    int status = output_begin(&file, name);
    if (status) return status;
    cairo_status_t failed = draw_file(self, file.file);
    status = output_end(&file, !failed);
    return failed ? say_failure("%s: cannot be drawn: %s", name, cairo_status_to_string(failed)) : status;
}

int plot_files(void (*draw_page)(const void *what, double height, cairo_t *cairo), const void *what, double height,
               const char *path)
{
    page self = {draw_page, what, height};
    int status = write_one(&self, path, "svg", draw_svg);
    return status ? status : write_one(&self, path, "png", draw_png);
}

bool plot_can_draw(void)
{
    return true;
}
