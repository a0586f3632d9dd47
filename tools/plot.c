/* plot.c - see plot.h. The same strokes go to an SVG and to a PNG surface of cairo. */
#include "plot.h"
#include "args.h"
#include "output.h"
#include "say.h"
#include <cairo-svg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 800, HEIGHT = 480, LEFT = 70, RIGHT = 170, TOP = 46, BOTTOM = 56, LABEL_HEIGHT = 16, MOST_TICKS = 9 };

/* Okabe and Ito's colours. */
static const double colors[PLOT_COLORS][3] = {{0, .447, .698}, {.835, .369, 0},    {0, .62, .451}, {.8, .475, .655},
                                              {.902, .624, 0}, {.337, .706, .914}, {0, 0, 0}};

/* From data to the page. */
typedef struct axes {
    double x_end, x_step, y_end, y_step;
} axes;

/* ---- Axes ----------------------------------------------------------------------------------------------------- */

/* The least of 1, 2, 5, 10, 20 ... that divides `range` into few enough parts. */
static double nice_step(double range)
{
    double power = pow(10, floor(log10(range / MOST_TICKS)));
    while (range / power > MOST_TICKS) {
        if (range / (2 * power) <= MOST_TICKS) return 2 * power;
        if (range / (5 * power) <= MOST_TICKS) return 5 * power;
        power *= 10;
    }
    return power;
}

static axes choose_axes(const plot *self)
{
    double x = 0, y = 0;
    for (size_t k = 0; k < self->nlines; k++)
        for (size_t i = 0; i < self->lines[k].n; i++) {
            const plot_line *line = &self->lines[k];
            if (!isfinite(line->y[i]) || !isfinite(line->x[i])) continue;
            x = fmax(x, line->x[i]);
            y = fmax(y, line->y[i]);
        }
    if (self->y_most > 0) y = fmin(y, self->y_most);
    if (!(x > 0)) x = 1;
    if (!(y > 0)) y = 1;
    axes made = {.x_end = x, .x_step = fmax(nice_step(x), 1), .y_step = nice_step(y)};
    made.y_end = ceil(y / made.y_step - 1e-9) * made.y_step;
    return made;
}

static double at_x(const axes *a, double x)
{
    return LEFT + x / a->x_end * (WIDTH - LEFT - RIGHT);
}

static double at_y(const axes *a, double y)
{
    return HEIGHT - BOTTOM - fmin(y / a->y_end, 1.02) * (HEIGHT - TOP - BOTTOM);
}

/* ---- Drawing ---------------------------------------------------------------------------------------------------- */

/* align 0: begins at x; 0.5: in the middle of it; 1: ends there. */
static void text(cairo_t *cairo, double x, double y, double align, const char *string)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cairo, string, &extents);
    cairo_move_to(cairo, x - align * extents.x_advance, y);
    cairo_show_text(cairo, string);
}

static void stroke(cairo_t *cairo, double x0, double y0, double x1, double y1)
{
    cairo_move_to(cairo, x0, y0);
    cairo_line_to(cairo, x1, y1);
    cairo_stroke(cairo);
}

static void draw_axes(const plot *self, const axes *a, cairo_t *cairo)
{
    char number[32];
    cairo_set_line_width(cairo, 1);
    cairo_set_font_size(cairo, 12);
    for (int i = 0; i * a->y_step <= a->y_end * 1.0001; i++) {
        double y = at_y(a, i * a->y_step);
        cairo_set_source_rgb(cairo, .87, .87, .87);
        stroke(cairo, LEFT, y, WIDTH - RIGHT, y);
        cairo_set_source_rgb(cairo, .25, .25, .25);
        snprintf(number, sizeof number, "%.6g", i * a->y_step);
        text(cairo, LEFT - 8, y + 4, 1, number);
    }
    for (int i = 0; i * a->x_step <= a->x_end * 1.0001; i++) {
        double x = at_x(a, i * a->x_step);
        stroke(cairo, x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 5);
        snprintf(number, sizeof number, "%.6g", i * a->x_step);
        text(cairo, x, HEIGHT - BOTTOM + 20, 0.5, number);
    }
    stroke(cairo, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
    cairo_set_font_size(cairo, 13);
    text(cairo, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 14, 0.5, self->x_title);
    text(cairo, 14, TOP - 14, 0, self->y_title);
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size(cairo, 15);
    text(cairo, (LEFT + WIDTH - RIGHT) / 2.0, 22, 0.5, self->title);
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
}

static void set_color(cairo_t *cairo, const plot_line *line)
{
    const double *color = colors[line->color % PLOT_COLORS];
    cairo_set_source_rgb(cairo, color[0], color[1], color[2]);
}

static void draw_line(const plot_line *line, const axes *a, cairo_t *cairo)
{
    static const double dashes[] = {6, 4};
    set_color(cairo, line);
    cairo_set_line_width(cairo, 2);
    cairo_set_dash(cairo, dashes, line->dashed ? 2 : 0, 0);
    cairo_new_path(cairo);
    for (size_t i = 0; i < line->n; i++)
        if (isfinite(line->y[i])) {
            cairo_line_to(cairo, at_x(a, line->x[i]), at_y(a, line->y[i]));
        } else {
            cairo_stroke(cairo);
        }
    cairo_stroke(cairo);
    cairo_set_dash(cairo, dashes, 0, 0);
}

/* A name at the end of its line, below those that are already there: lines go by where they end. */
static void draw_labels(const plot *self, const axes *a, cairo_t *cairo)
{
    double lowest = -1; /* of the labels so far */
    size_t drawn = 0;
    bool *done = calloc(self->nlines + 1, sizeof *done);
    if (!done) return;
    cairo_set_font_size(cairo, 13);
    for (; drawn < self->nlines; drawn++) {
        size_t next = 0;
        double top = INFINITY, x = 0;
        for (size_t k = 0; k < self->nlines; k++) {
            const plot_line *line = &self->lines[k];
            size_t last = line->n;
            while (last && !isfinite(line->y[last - 1])) last--;
            double y = last ? at_y(a, line->y[last - 1]) : HEIGHT;
            if (done[k] || y >= top) continue;
            next = k;
            top = y;
            x = last ? at_x(a, line->x[last - 1]) : 0;
        }
        done[next] = true;
        if (x <= 0) continue;
        double y = lowest < 0 ? top : fmax(top, lowest + LABEL_HEIGHT);
        lowest = y;
        set_color(cairo, &self->lines[next]);
        text(cairo, x + 8, y + 4, 0, self->lines[next].label);
    }
    free(done);
}

static cairo_status_t draw(const plot *self, cairo_surface_t *surface)
{
    axes a = choose_axes(self);
    cairo_t *cairo = cairo_create(surface);
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    draw_axes(self, &a, cairo);
    for (size_t k = 0; k < self->nlines; k++) draw_line(&self->lines[k], &a, cairo);
    draw_labels(self, &a, cairo);
    cairo_status_t status = cairo_status(cairo);
    cairo_destroy(cairo);
    return status;
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static cairo_status_t write_some(void *file, const unsigned char *data, unsigned length)
{
    return fwrite(data, 1, length, file) == length ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_status_t draw_svg(const plot *self, FILE *file)
{
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(write_some, file, WIDTH, HEIGHT);
    cairo_status_t status = draw(self, surface);
    cairo_surface_finish(surface);
    if (!status) status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return status;
}

static cairo_status_t draw_png(const plot *self, FILE *file)
{
    enum { SCALE = 2 }; /* for screens with small pixels */
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH * SCALE, HEIGHT * SCALE);
    cairo_surface_set_device_scale(surface, SCALE, SCALE);
    cairo_status_t status = draw(self, surface);
    if (!status) status = cairo_surface_write_to_png_stream(surface, write_some, file);
    cairo_surface_destroy(surface);
    return status;
}

static int write_one(const plot *self, const char *path, const char *ending,
                     cairo_status_t (*draw_file)(const plot *self, FILE *file))
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

int plot_write(const plot *self, const char *path)
{
    int status = write_one(self, path, "svg", draw_svg);
    return status ? status : write_one(self, path, "png", draw_png);
}

bool plot_can_draw(void)
{
    return true;
}
