/* box_overlay.c - see box_overlay.h. */
#include "box_overlay.h"
#include "args.h"
#include "box_mask.h"
#include "overlay.h"
#include "plot_draw.h"
#include "say.h"
#include <stdio.h>

/* What is drawn. */
typedef struct boxes {
    const shunt_image *image;
    const shunt_detections *found;
    const char *(*name_of)(const void *context, int32_t label);
    const void *context;
    double unit; /* of text and lines */
} boxes;

/* The name above the box, or in it where the picture ends. */
static void draw_name(cairo_t *cairo, const boxes *self, const shunt_detection *one)
{
    const double size = self->unit, left = (double)one->box[0], above = (double)one->box[1] - 1.4 * size;
    const double top = above < 0 ? (double)one->box[1] : above;
    char text[80];
    cairo_text_extents_t extents;
    snprintf(text, sizeof text, "%.60s %.0f %%", self->name_of(self->context, one->label), 100 * (double)one->score);
    cairo_text_extents(cairo, text, &extents);
    cairo_rectangle(cairo, left, top, extents.x_advance + .6 * size, 1.4 * size);
    cairo_fill(cairo);
    cairo_set_source_rgb(cairo, .1, .1, .1);
    plot_text(cairo, left + .3 * size, top + 1.05 * size, 0, text);
}

/* Its pixels as a surface that colour is drawn through. NULL if that fails. */
static cairo_surface_t *make_stencil(const boxes *self, size_t index)
{
    const int height = (int)self->image->height, width = (int)self->image->width;
    cairo_surface_t *stencil = cairo_image_surface_create(CAIRO_FORMAT_A8, width, height);
    unsigned char *to = cairo_image_surface_get_data(stencil);
    box_mask mask;
    if (!to || box_mask_make(self->image, self->found, index, &mask) != EXIT_OK) {
        cairo_surface_destroy(stencil);
        return NULL;
    }
    const int stride = cairo_image_surface_get_stride(stencil);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) to[y * stride + x] = mask.inside[y * width + x] ? 255 : 0;
    cairo_surface_mark_dirty(stencil);
    box_mask_free(&mask);
    return stencil;
}

/* The object's pixels, so that the picture shines through. */
static void draw_mask(cairo_t *cairo, const boxes *self, size_t index)
{
    const unsigned char *rgb = overlay_colors[shunt_detections_at(self->found, index)->label % OVERLAY_COLORS];
    cairo_surface_t *stencil = make_stencil(self, index);
    if (!stencil) return;
    cairo_set_source_rgba(cairo, rgb[0] / 255., rgb[1] / 255., rgb[2] / 255., .5);
    cairo_mask_surface(cairo, stencil, 0, 0);
    cairo_surface_destroy(stencil);
}

static void draw_one(cairo_t *cairo, const boxes *self, const shunt_detection *one)
{
    const unsigned char *rgb = overlay_colors[one->label % OVERLAY_COLORS];
    const double width = (double)one->box[2] - (double)one->box[0], height = (double)one->box[3] - (double)one->box[1];
    cairo_set_source_rgb(cairo, rgb[0] / 255., rgb[1] / 255., rgb[2] / 255.);
    cairo_rectangle(cairo, (double)one->box[0], (double)one->box[1], width, height);
    cairo_stroke(cairo);
    draw_name(cairo, self, one);
}

/* The one with the highest score last, over all others. */
static void draw(cairo_t *cairo, cairo_surface_t *surface, const void *what)
{
    const boxes *self = what;
    (void)surface;
    cairo_set_font_size(cairo, self->unit);
    cairo_set_line_width(cairo, self->unit / 5);
    for (size_t i = shunt_detections_have_masks(self->found) ? shunt_detections_count(self->found) : 0; i--;)
        draw_mask(cairo, self, i);
    for (size_t i = shunt_detections_count(self->found); i--;)
        draw_one(cairo, self, shunt_detections_at(self->found, i));
}

int box_overlay_write(const shunt_image *image, const shunt_detections *found,
                      const char *(*name_of)(const void *context, int32_t label), const void *context, const char *path)
{
    const double unit = (double)image->height / 40;
    return overlay_write(image, draw, &(boxes){image, found, name_of, context, unit < 10 ? 10 : unit}, path);
}
