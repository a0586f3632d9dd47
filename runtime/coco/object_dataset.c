/* object_dataset.c - a ground truth as a data set to train on: pictures with the boxes of their objects, without crowds. Boxes are checked when
 * it is opened, as far as the file says how large the pictures are. */
#include "runtime/coco/coco.h"

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_CLASS = 9999 };

typedef struct object_dataset {
    shunt_dataset dataset;
    shunt_coco *truth;
    coco_by_picture objects;
} object_dataset;

static void close_set(shunt_dataset *dataset)
{
    object_dataset *self = (object_dataset *)dataset;
    shunt_coco_close(self->truth);
    coco_by_picture_free(&self->objects);
    free(self);
}

/* ---- Boxes ------------------------------------------------------------------------------------------------------------ */

/* Why nothing of the object lies in a picture of this size, or NULL. Sizes of 0 are not known. */
static const char *refuse(const coco_object *object, int64_t height, int64_t width)
{
    const double *box = object->box;
    if (!object->has_box) return "it has no bbox";
    if (!(box[2] > 0 && box[3] > 0)) return "its bbox has no area";
    const bool right = width && !(box[0] < (double)width), below = height && !(box[1] < (double)height);
    if (right || below || !(box[0] + box[2] > 0) || !(box[1] + box[3] > 0))
        return "its bbox lies outside of its picture";
    return NULL;
}

static shunt_status fail(const shunt_coco *truth, const coco_object *object, const char *reason)
{
    return error_fail(SHUNT_E_INVALID, "%s: annotation %u (id %lld): %s", truth->path, object->order,
                      (long long)object->id, reason);
}

/* Crowds are left out; bad objects are, too, with skip_bad. */
static shunt_status keep_good(shunt_coco *truth, bool skip_bad)
{
    coco_objects *objects = &truth->objects;
    size_t kept = 0;
    shunt_status status = SHUNT_OK;
    for (size_t i = 0; i < objects->count; i++) { /* none has a shape yet that would have to be freed */
        const coco_object *one = &objects->list[i];
        const coco_picture *picture = &truth->pictures[one->picture];
        const char *reason = one->crowd ? NULL : refuse(one, picture->height, picture->width);
        if (reason && !skip_bad && !status) status = fail(truth, one, reason);
        objects->left_out += reason != NULL;
        if (!one->crowd && !reason) objects->list[kept++] = *one;
    }
    objects->count = kept;
    if (!status && objects->left_out)
        log_write(SHUNT_LOG_WARN, "%s: %llu annotations are left out", truth->path,
                  (unsigned long long)objects->left_out);
    return status;
}

/* The part of the box that lies in the picture. */
static boxed_object make_object(const shunt_coco *truth, const coco_object *from, const shunt_image *image)
{
    const double width = (double)image->width, height = (double)image->height, *box = from->box;
    return (boxed_object){
        .box = {fmax(box[0], 0), fmax(box[1], 0), fmin(box[0] + box[2], width), fmin(box[1] + box[3], height)},
        .class = truth->categories[from->category].id};
}

/* ---- Pictures --------------------------------------------------------------------------------------------------------- */

static shunt_status check_size(const coco_picture *picture, const shunt_image *image)
{
    if ((!picture->height || picture->height == image->height) && (!picture->width || picture->width == image->width))
        return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "%s: it has %lldx%lld pixels, and its annotations are for %ux%u", picture->file,
                      (long long)image->width, (long long)image->height, picture->width, picture->height);
}

static shunt_status get_objects(const shunt_dataset *dataset, size_t index, boxed_image *out)
{
    const object_dataset *self = (const object_dataset *)dataset;
    const shunt_coco *truth = self->truth;
    const size_t first = self->objects.first[index], count = self->objects.first[index + 1] - first;
    *out = (boxed_image){.objects = calloc(count + 1, sizeof *out->objects)};
    if (!out->objects) return error_memory();
    shunt_status status = shunt_image_read(truth->pictures[index].file, &out->image);
    if (!status) status = check_size(&truth->pictures[index], &out->image);
    for (size_t i = first; !status && i < first + count; i++) {
        const coco_object *one = &truth->objects.list[self->objects.list[i]];
        const char *reason = refuse(one, out->image.height, out->image.width);
        if (reason) status = fail(truth, one, reason);
        out->objects[out->count++] = make_object(truth, one, &out->image);
    }
    return status;
}

/* The label is a number made of all objects. */
static shunt_status get(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label)
{
    boxed_image whole;
    shunt_status status = get_objects(dataset, index, &whole);
    uint64_t hash = whole.count;
    for (size_t i = 0; !status && i < whole.count; i++) {
        hash = random_bits(hash, (uint64_t)whole.objects[i].class);
        for (int k = 0; k < 4; k++) hash = random_bits(hash, (uint64_t)(1024 * whole.objects[i].box[k]));
    }
    *label = (int64_t)(hash >> 32);
    if (!status) {
        *image = whole.image;
        whole.image = (shunt_image){0};
    }
    boxed_image_free(&whole);
    return status;
}

static const char *label_of(const shunt_dataset *dataset, size_t class)
{
    return coco_class_name(((const object_dataset *)dataset)->truth, class);
}

static const char *picture_of(const shunt_dataset *dataset, size_t index)
{
    return ((const object_dataset *)dataset)->truth->pictures[index].file;
}

static const dataset_kind kind = {
    .name = "objects",
    .help = "",
    .close = close_set,
    .get = get,
    .label = label_of,
    .picture = picture_of,
    .objects = get_objects,
};

/* ---- Opening ---------------------------------------------------------------------------------------------------------- */

static shunt_status prepare(object_dataset *self, bool skip_bad)
{
    shunt_coco *truth = self->truth;
    if (!truth->npictures) return error_fail(SHUNT_E_INVALID, "%s: it names no picture", truth->path);
    for (size_t i = 0; i < truth->npictures; i++)
        if (!truth->pictures[i].file)
            return error_fail(SHUNT_E_INVALID, "%s: image %lld has no file_name", truth->path,
                              (long long)truth->pictures[i].id);
    shunt_status status = coco_count_classes(truth, MOST_CLASS, "objects", &self->dataset.classes);
    if (!status) status = keep_good(truth, skip_bad);
    if (!status) status = coco_sort_by_picture(truth, &self->objects);
    self->dataset.count = truth->npictures;
    return status;
}

shunt_status shunt_dataset_of_objects(shunt_coco *truth, const shunt_coco_options *options, shunt_dataset **out)
{
    if (!truth || !out) return error_null(__func__, "truth, out");
    shunt_coco_options own;
    object_dataset *self = calloc(1, sizeof *self);
    *out = NULL;
    if (!self) {
        shunt_coco_close(truth);
        return error_memory();
    }
    self->dataset.kind = &kind;
    self->truth = truth;
    shunt_status status = coco_take_options(options, &own);
    if (!status) status = prepare(self, own.skip_bad != 0);
    if (status)
        close_set(&self->dataset);
    else
        *out = &self->dataset;
    return status;
}
