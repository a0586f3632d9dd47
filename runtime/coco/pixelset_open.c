/* pixelset_open.c - opens sets of pictures whose pixels have classes, of all kinds. */
#include "runtime/coco/coco.h"

#include "runtime/base/error.h"

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
