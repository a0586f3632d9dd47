/* imagefolder.c - pictures in folders, as torchvision's ImageFolder takes them: DIR/CLASS/... with the classes numbered in
 * the order of their names, or, with a file of labels, all in DIR. Where DIR holds folders of splits, the one of the split is
 * meant. A picture is recognised by the ending of its name; a broken one is found when it is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/data/folders.h"
#include "runtime/data/picture_labels.h"

typedef struct imagefolder {
    shunt_dataset base;
    char *folder;
    picture_list pictures;
    char **classes; /* NULL: the labels are numbers */
} imagefolder;

static void imagefolder_close(shunt_dataset *dataset)
{
    imagefolder *set = (imagefolder *)dataset;
    picture_list_free(&set->pictures);
    for (size_t i = 0; set->classes && i < set->base.classes; i++) free(set->classes[i]);
    free(set->classes);
    free(set->folder);
    free(set);
}

/* ---- Pictures ----------------------------------------------------------------------------------------------- */

typedef struct adding {
    imagefolder *set;
    int64_t label;
} adding;

static shunt_status add_picture(void *context, const char *path, const char *name)
{
    const adding *to = context;
    const size_t prefix = strlen(to->set->folder) + 1; /* with the slash, also behind a folder that ends with one */
    return is_picture(name) ? picture_list_add(&to->set->pictures, path + prefix, to->label) : SHUNT_OK;
}

/* Adds the pictures in and, if `deep`, below folder/class, under their names within the folder. */
static shunt_status add_pictures(imagefolder *set, const char *class, int64_t label, bool deep)
{
    char *path;
    if (asprintf(&path, "%s/%s", set->folder, class) < 0) return error_memory();
    shunt_status status = folders_walk(path, deep, false, add_picture, &(adding){set, label});
    free(path);
    return status;
}

static shunt_status open_classes(imagefolder *set)
{
    size_t count = 0;
    shunt_status status = folders_list(set->folder, &set->classes, &count);
    set->base.classes = count;
    if (!status && !count)
        status =
            error_fail(SHUNT_E_INVALID,
                       "%s: it contains no folders; put the pictures into one folder per class, or a file of labels "
                       "must say what they show",
                       set->folder);
    for (size_t i = 0; !status && i < count; i++) {
        size_t before = set->pictures.count;
        status = add_pictures(set, set->classes[i], (int64_t)i, true);
        if (!status && set->pictures.count == before)
            status =
                error_fail(SHUNT_E_INVALID, "%s/%s: this folder contains no picture; add some, or remove the folder",
                           set->folder, set->classes[i]);
    }
    return status;
}

static shunt_status open_labelled(imagefolder *set, const char *labels)
{
    shunt_status status = add_pictures(set, "", 0, false);
    if (!status && !set->pictures.count)
        status = error_fail(SHUNT_E_INVALID, "%s: no picture in it for the labels of %s", set->folder, labels);
    return status ? status
                  : picture_labels_read(labels, set->folder, &set->pictures, &set->classes, &set->base.classes);
}

static shunt_status imagefolder_open(const char *where, const char *split, const char *labels, shunt_dataset **out)
{
    imagefolder *set = calloc(1, sizeof *set);
    if (!set) return error_memory();
    set->base.kind = &dataset_imagefolder;
    shunt_status status = split_find(where, split, labels, &set->folder);
    if (!status) status = labels ? open_labelled(set, labels) : open_classes(set);
    if (status) {
        imagefolder_close(&set->base);
        return status;
    }
    set->base.count = set->pictures.count;
    *out = &set->base;
    return SHUNT_OK;
}

/* All pictures in the folder and the folders in it, which say nothing of what they show. */
static shunt_status pictures_open(const char *where, const char *split, const char *labels, shunt_dataset **out)
{
    if (split || labels)
        return error_fail(SHUNT_E_INVALID, "pictures:%s: mere pictures have no splits and no labels", where);
    imagefolder *set = calloc(1, sizeof *set);
    if (!set) return error_memory();
    set->base.kind = &dataset_pictures;
    shunt_status status = (set->folder = strdup(where)) ? add_pictures(set, "", 0, true) : error_memory();
    if (!status && !set->pictures.count) status = error_fail(SHUNT_E_INVALID, "%s: no picture in it", where);
    if (status) {
        imagefolder_close(&set->base);
        return status;
    }
    set->base.count = set->pictures.count;
    *out = &set->base;
    return SHUNT_OK;
}

static const char *imagefolder_picture(const shunt_dataset *dataset, size_t index)
{
    return picture_name(&((const imagefolder *)dataset)->pictures, index);
}

static const char *imagefolder_label(const shunt_dataset *dataset, size_t class)
{
    const imagefolder *set = (const imagefolder *)dataset;
    return set->classes ? set->classes[class] : NULL;
}

static shunt_status imagefolder_get(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label)
{
    const imagefolder *set = (const imagefolder *)dataset;
    char *path;
    *label = set->pictures.items[index].label;
    if (asprintf(&path, "%s/%s", set->folder, picture_name(&set->pictures, index)) < 0) return error_memory();
    shunt_status status = shunt_image_read(path, image);
    free(path);
    return status;
}

const dataset_kind dataset_imagefolder = {
    .name = "imagefolder",
    .help = "imagefolder:DIR (DIR/class/picture.jpg)",
    .open = imagefolder_open,
    .close = imagefolder_close,
    .get = imagefolder_get,
    .picture = imagefolder_picture,
    .label = imagefolder_label,
};

const dataset_kind dataset_pictures = {
    .name = "pictures",
    .help = "pictures:DIR (all pictures below DIR, without classes)",
    .open = pictures_open,
    .close = imagefolder_close,
    .get = imagefolder_get,
    .picture = imagefolder_picture,
};
