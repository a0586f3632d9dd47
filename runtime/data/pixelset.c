/* pixelset.c - sets of pictures whose pixels have classes; runtime/coco/pixelset_open.c opens them. */
#include "runtime/data/pixelset.h"

#include "runtime/base/error.h"

#include <stdlib.h>

void shunt_pixelset_close(shunt_pixelset *set)
{
    if (set) set->kind->close(set);
}

size_t shunt_pixelset_count(const shunt_pixelset *set)
{
    return set ? set->count : 0;
}

const char *shunt_pixelset_name(const shunt_pixelset *set, size_t index)
{
    return set && index < set->count ? set->kind->picture(set, index) : NULL;
}

size_t shunt_pixelset_classes(const shunt_pixelset *set)
{
    return set ? set->classes : 0;
}

const char *shunt_pixelset_label(const shunt_pixelset *set, size_t index)
{
    return set && index < set->classes && set->kind->label ? set->kind->label(set, index) : NULL;
}

shunt_status shunt_pixelset_get(const shunt_pixelset *set, size_t index, shunt_labelled_image *out)
{
    if (!set || !out) return error_null(__func__, "set, out");
    *out = (shunt_labelled_image){.classes = NULL};
    if (index >= set->count) return error_fail(SHUNT_E_INVALID, "picture %zu of a set of %zu", index, set->count);
    shunt_status status = set->kind->get(set, index, out);
    if (status) shunt_labelled_image_free(out);
    return status;
}

void shunt_labelled_image_free(shunt_labelled_image *image)
{
    if (!image) return;
    shunt_image_free(&image->image);
    free(image->classes);
    image->classes = NULL;
}
