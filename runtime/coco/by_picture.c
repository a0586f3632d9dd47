/* by_picture.c - what sets to train on need of a ground truth: the objects of each picture, and categories as classes. */
#include "runtime/coco/coco.h"

#include "runtime/base/error.h"

#include <stdlib.h>

enum { BACKGROUND = 0 };

/* Counted, then put in their places. */
shunt_status coco_sort_by_picture(const shunt_coco *truth, coco_by_picture *out)
{
    const coco_objects *from = &truth->objects;
    const size_t npictures = truth->npictures;
    out->list = calloc(from->count + 1, sizeof *out->list);
    out->first = calloc(npictures + 2, sizeof *out->first);
    if (!out->list || !out->first) return error_memory();
    for (size_t i = 0; i < from->count; i++) out->first[from->list[i].picture + 2]++;
    for (size_t p = 2; p < npictures + 2; p++) out->first[p] += out->first[p - 1];
    for (size_t i = 0; i < from->count; i++) out->list[out->first[from->list[i].picture + 1]++] = i;
    return SHUNT_OK;
}

void coco_by_picture_free(coco_by_picture *self)
{
    free(self->list);
    free(self->first);
    *self = (coco_by_picture){NULL, NULL};
}

shunt_status coco_count_classes(const shunt_coco *truth, int64_t most, const char *what, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < truth->ncategories; i++) {
        const int64_t id = truth->categories[i].id;
        if (id <= BACKGROUND || id > most)
            return error_fail(SHUNT_E_INVALID, "%s: the category '%s' has the id %lld; a class of %s is 1 to %lld",
                              truth->path, truth->categories[i].name, (long long)id, what, (long long)most);
        *out = (size_t)id + 1; /* they are sorted */
    }
    return SHUNT_OK;
}

const char *coco_class_name(const shunt_coco *truth, size_t class)
{
    if (class == BACKGROUND) return "__background__";
    for (size_t i = 0; i < truth->ncategories; i++)
        if (truth->categories[i].id == (int64_t) class) return truth->categories[i].name;
    return NULL;
}
