/* pixels.c - "coco:DIR" as pictures whose pixels have classes: the masks of their objects, painted over each other as torchvision's scripts
 * for segmentation do. */
#include "runtime/coco/coco.h"

#include "runtime/base/error.h"
#include "runtime/data/dataset.h"

#include <stdlib.h>
#include <string.h>

enum { NO_CLASS = PIXEL_NO_CLASS, MOST_CLASS = PIXEL_NO_CLASS - 1, BACKGROUND = 0 };

typedef struct coco_pixels {
    shunt_pixelset set;
    shunt_coco *truth;
    coco_by_picture objects;
} coco_pixels;

static void close_set(shunt_pixelset *set)
{
    coco_pixels *self = (coco_pixels *)set;
    shunt_coco_close(self->truth);
    coco_by_picture_free(&self->objects);
    free(self);
}

static shunt_status open_set(const char *where, const char *split, shunt_pixelset **out)
{
    char *spec;
    coco_pixels *self = calloc(1, sizeof *self);
    if (!self || asprintf(&spec, "coco:%s", where) < 0) {
        free(self);
        return error_memory();
    }
    shunt_status status = shunt_coco_open_set(spec, split, NULL, &self->truth);
    free(spec);
    if (!status) status = coco_count_classes(self->truth, MOST_CLASS, "pixels", &self->set.classes);
    if (!status) status = coco_sort_by_picture(self->truth, &self->objects);
    if (!status && !self->truth->npictures)
        status = error_fail(SHUNT_E_INVALID, "%s: it names no picture", self->truth->path);
    if (status) {
        close_set(&self->set);
        return status;
    }
    self->set.count = self->truth->npictures;
    *out = &self->set;
    return SHUNT_OK;
}

static const char *name_of(const shunt_pixelset *set, size_t index)
{
    return shunt_coco_picture(((const coco_pixels *)set)->truth, index, NULL);
}

static const char *label_of(const shunt_pixelset *set, size_t class)
{
    return coco_class_name(((const coco_pixels *)set)->truth, class);
}

/* ---- Pictures ---- */

/* Where another object was, and in crowds, a pixel is of no class. */
static void paint(const mask *from, uint8_t class, uint8_t *classes)
{
    size_t at = 0;
    for (size_t r = 0; r < from->count; r++) {
        for (uint32_t k = 0; r % 2 && k < from->runs[r]; k++) {
            const size_t pixel = at + k;
            uint8_t *to = classes + pixel % from->height * from->width + pixel / from->height;
            *to = *to == BACKGROUND ? class : NO_CLASS;
        }
        at += from->runs[r];
    }
}

static shunt_status paint_object(const shunt_coco *truth, const coco_object *object, shunt_labelled_image *out)
{
    char reason[160] = "";
    coco_object own = *object;
    shunt_status status = SHUNT_OK;
    const bool good = coco_take_shape(truth, SHUNT_COCO_MASKS, false, &own, reason, sizeof reason);
    if (!good && !*reason)
        status = error_memory();
    else if (!good)
        status = error_fail(SHUNT_E_INVALID, "%s: annotation %u (id %lld): %s", truth->path, own.order,
                            (long long)own.id, reason);
    else if (own.mask.height != out->image.height || own.mask.width != out->image.width)
        status =
            error_fail(SHUNT_E_INVALID, "%s: annotation %u (id %lld): its mask has %ux%u pixels, %s %lldx%lld",
                       truth->path, own.order, (long long)own.id, own.mask.width, own.mask.height,
                       truth->pictures[own.picture].file, (long long)out->image.width, (long long)out->image.height);
    else
        paint(&own.mask, own.crowd ? NO_CLASS : (uint8_t)truth->categories[own.category].id, out->classes);
    mask_free(&own.mask);
    return status;
}

static shunt_status get(const shunt_pixelset *set, size_t index, shunt_labelled_image *out)
{
    const coco_pixels *self = (const coco_pixels *)set;
    const shunt_coco *truth = self->truth;
    shunt_status status = shunt_image_read(truth->pictures[index].file, &out->image);
    if (status) return status;
    out->classes = calloc((size_t)out->image.height * (size_t)out->image.width, 1);
    if (!out->classes) return error_memory();
    for (size_t i = self->objects.first[index]; !status && i < self->objects.first[index + 1]; i++)
        status = paint_object(truth, &truth->objects.list[self->objects.list[i]], out);
    return status;
}

const pixelset_kind pixelset_coco = {
    .name = "coco",
    .help = "coco:DIR",
    .open = open_set,
    .close = close_set,
    .picture = name_of,
    .get = get,
    .label = label_of,
};
