/* pixel_dataset.c - pictures whose pixels have classes, as a data set to train on. */
#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/data/dataset.h"
#include "runtime/data/pixelset.h"

typedef struct pixel_dataset {
    shunt_dataset dataset;
    shunt_pixelset *pixels;
} pixel_dataset;

static void close_set(shunt_dataset *dataset)
{
    pixel_dataset *self = (pixel_dataset *)dataset;
    shunt_pixelset_close(self->pixels);
    free(self);
}

static shunt_status get_pixels(const shunt_dataset *dataset, size_t index, shunt_labelled_image *out)
{
    const shunt_pixelset *pixels = ((const pixel_dataset *)dataset)->pixels;
    shunt_status status = shunt_pixelset_get(pixels, index, out);
    if (status) return status;
    const int64_t count = out->image.height * out->image.width;
    for (int64_t i = 0; i < count; i++) {
        if (out->classes[i] == PIXEL_NO_CLASS || out->classes[i] < dataset->classes) continue;
        status = error_fail(SHUNT_E_INVALID, "%s: the pixel in row %lld, column %lld has the label %d of %zu classes",
                            shunt_pixelset_name(pixels, index), (long long)(i / out->image.width),
                            (long long)(i % out->image.width), out->classes[i], dataset->classes);
        shunt_labelled_image_free(out);
        return status;
    }
    return SHUNT_OK;
}

/* The label is a number made of the classes of all pixels. */
static shunt_status get(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label)
{
    shunt_labelled_image whole;
    shunt_status status = get_pixels(dataset, index, &whole);
    if (status) return status;
    uint64_t hash = 0;
    for (int64_t i = 0; i < whole.image.height * whole.image.width; i++) hash = random_bits(hash, whole.classes[i]);
    *label = (int64_t)(hash >> 32);
    *image = whole.image;
    whole.image = (shunt_image){0};
    shunt_labelled_image_free(&whole);
    return SHUNT_OK;
}

static const char *label_of(const shunt_dataset *dataset, size_t class)
{
    return shunt_pixelset_label(((const pixel_dataset *)dataset)->pixels, class);
}

static const dataset_kind kind = {
    .name = "pixels",
    .help = "",
    .close = close_set,
    .get = get,
    .label = label_of,
    .pixels = get_pixels,
};

shunt_status shunt_dataset_of_pixels(shunt_pixelset *set, shunt_dataset **out)
{
    if (!set || !out) return error_null(__func__, "set, out");
    pixel_dataset *self = calloc(1, sizeof *self);
    *out = NULL;
    if (!self) {
        shunt_pixelset_close(set);
        return error_memory();
    }
    *self = (pixel_dataset){.dataset = {.kind = &kind, .count = set->count, .classes = set->classes}, .pixels = set};
    *out = &self->dataset;
    return SHUNT_OK;
}
