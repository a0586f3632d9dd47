/* pixelset.c - sets of pictures whose pixels have classes, of all kinds. */
#include "runtime/coco/coco.h"

#include "runtime/base/error.h"

#include <stdlib.h>
#include <string.h>

static const pixelset_kind *const kinds[] = {&pixelset_coco, &pixelset_voc};

/* The kind of "name:WHERE", and WHERE; NULL: it is of none. */
static const pixelset_kind *kind_of(const char *spec, const char **where)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t length = strlen(kinds[i]->name);
        *where = spec + length + 1;
        if (!strncmp(spec, kinds[i]->name, length) && spec[length] == ':') return kinds[i];
    }
    return NULL;
}

shunt_status shunt_pixelset_open(const char *spec, const char *split, shunt_pixelset **out)
{
    if (!spec || !out) return error_null(__func__, "spec, out");
    *out = NULL;
    const char *where;
    const pixelset_kind *kind = kind_of(spec, &where);
    if (!kind)
        return error_fail(SHUNT_E_NOT_FOUND,
                          "'%s' is not a known set of pictures with classes of pixels; there are coco:DIR and voc:DIR",
                          spec);
    if (split && strcmp(split, "test") && strcmp(split, "train"))
        return error_fail(SHUNT_E_INVALID, "%s: no split is called '%s'; there are train and test", spec, split);
    shunt_status status = kind->open(where, split && !strcmp(split, "train") ? split : NULL, out);
    if (!status) (*out)->kind = kind;
    return status;
}

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
