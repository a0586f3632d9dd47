/* read.c - COCO's JSON files, checked: each id is known, each number is finite. */
#include "runtime/coco/coco.h"

#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/sized.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIDE = 65535 };

shunt_status coco_take_options(const shunt_coco_options *given, shunt_coco_options *own)
{
    return sized_take(own, sizeof *own, SIZE_THROUGH(shunt_coco_options, skip_bad), given, "shunt_coco_options");
}

shunt_status coco_parse_json(const char *text, size_t size, const char *path, json_type type, json_t **out)
{
    json_error_t error;
    *out = bounded_json_load_numbers(text, size, &error);
    if (!*out) return error_fail(SHUNT_E_INVALID, "%s: line %d: no JSON: %s", path, error.line, error.text);
    if (json_typeof(*out) == type) return SHUNT_OK;
    json_decref(*out);
    *out = NULL;
    return error_fail(SHUNT_E_INVALID, "%s: expected %s", path,
                      type == JSON_ARRAY ? "a list of results" : "an object with images, categories and annotations");
}

shunt_status coco_load_json(const char *path, json_type type, json_t **out)
{
    file_mapping file;
    shunt_status status = file_map(path, 0, &file);
    if (status) return status;
    status = coco_parse_json((const char *)file.data, file.size, path, type, out);
    file_unmap(&file);
    return status;
}

static bool read_integer(const json_t *object, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_integer_value(value);
    return json_is_integer(value);
}

/* ---- Pictures and categories ---- */

static int by_picture_id(const void *a, const void *b)
{
    const coco_picture *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int by_category_id(const void *a, const void *b)
{
    const coco_category *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static uint32_t side_of(const json_t *picture, const char *key)
{
    const json_int_t side = json_integer_value(json_object_get(picture, key));
    return side > 0 && side <= MOST_SIDE ? (uint32_t)side : 0;
}

/* Whether a name stays within the folder of the pictures. */
static bool stays_within(const char *name)
{
    if (!*name || *name == '/' || strpbrk(name, "\\:")) return false;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (!strncmp(part, "..", 2) && (!part[2] || part[2] == '/')) return false;
    }
    return true;
}

/* Where a picture lies. */
static shunt_status take_file(const shunt_coco *self, const json_t *one, coco_picture *picture)
{
    const char *name = json_string_value(json_object_get(one, "file_name"));
    if (self->folder && (!name || !stays_within(name)))
        return error_fail(SHUNT_E_INVALID, "%s: image %lld: its file_name is no name of a file in %s", self->path,
                          (long long)picture->id, self->folder);
    if (!name) return SHUNT_OK;
    if (!self->folder)
        picture->file = strdup(name);
    else if (asprintf(&picture->file, "%s/%s", self->folder, name) < 0)
        picture->file = NULL;
    return picture->file ? SHUNT_OK : error_memory();
}

static shunt_status read_pictures(shunt_coco *self, const json_t *list)
{
    self->pictures = calloc(json_array_size(list) + 1, sizeof *self->pictures);
    if (!self->pictures) return error_memory();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        coco_picture *picture = &self->pictures[self->npictures++];
        if (!read_integer(one, "id", &picture->id))
            return error_fail(SHUNT_E_INVALID, "%s: images[%zu]: its id is no integer", self->path, i);
        picture->height = side_of(one, "height");
        picture->width = side_of(one, "width");
        shunt_status status = take_file(self, one, picture);
        if (status) return status;
    }
    qsort(self->pictures, self->npictures, sizeof *self->pictures, by_picture_id);
    for (size_t i = 1; i < self->npictures; i++)
        if (self->pictures[i].id == self->pictures[i - 1].id)
            return error_fail(SHUNT_E_INVALID, "%s: two images have the id %lld", self->path,
                              (long long)self->pictures[i].id);
    return SHUNT_OK;
}

static shunt_status read_categories(shunt_coco *self, const json_t *list)
{
    self->categories = calloc(json_array_size(list) + 1, sizeof *self->categories);
    if (!self->categories) return error_memory();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        coco_category *category = &self->categories[self->ncategories++];
        if (!read_integer(one, "id", &category->id))
            return error_fail(SHUNT_E_INVALID, "%s: categories[%zu]: its id is no integer", self->path, i);
        category->name = strdup(name ? name : "");
        if (!category->name) return error_memory();
    }
    qsort(self->categories, self->ncategories, sizeof *self->categories, by_category_id);
    for (size_t i = 1; i < self->ncategories; i++)
        if (self->categories[i].id == self->categories[i - 1].id)
            return error_fail(SHUNT_E_INVALID, "%s: two categories have the id %lld", self->path,
                              (long long)self->categories[i].id);
    return SHUNT_OK;
}

/* ---- Objects ---- */

/* Four finite numbers, no negative size. */
static bool read_box(const json_t *list, double box[4])
{
    if (json_array_size(list) != 4) return false;
    for (size_t k = 0; k < 4; k++) {
        const json_t *value = json_array_get(list, k);
        box[k] = json_number_value(value);
        if (!json_is_number(value) || !isfinite(box[k])) return false;
    }
    return box[2] >= 0 && box[3] >= 0;
}

static const char *take_place(const shunt_coco *truth, const json_t *one, coco_object *self)
{
    coco_picture picture;
    coco_category category;
    if (!read_integer(one, "image_id", &picture.id)) return "its image_id is no integer";
    if (!read_integer(one, "category_id", &category.id)) return "its category_id is no integer";
    const coco_picture *p = bsearch(&picture, truth->pictures, truth->npictures, sizeof picture, by_picture_id);
    if (!p) return "no image has its image_id";
    const coco_category *c = bsearch(&category, truth->categories, truth->ncategories, sizeof category, by_category_id);
    if (!c) return "no category has its category_id";
    self->picture = (uint32_t)(p - truth->pictures);
    self->category = (uint32_t)(c - truth->categories);
    return NULL;
}

static const char *take_numbers(const json_t *one, bool detection, coco_object *self)
{
    const json_t *box = json_object_get(one, "bbox"), *area = json_object_get(one, "area"),
                 *score = json_object_get(one, "score");
    self->has_box = json_array_size(box) > 0;
    if (box && !json_is_array(box)) return "its bbox is no list";
    if (self->has_box && !read_box(box, self->box)) return "its bbox is not x, y, width >= 0, height >= 0";
    if (detection) {
        self->score = json_number_value(score);
        if (!json_is_number(score) || !isfinite(self->score)) return "its score is no finite number";
        self->has_area = self->has_box;
        self->area = self->box[2] * self->box[3];
        return NULL;
    }
    self->area = json_number_value(area);
    self->has_area = json_is_number(area);
    if (!self->has_area || !(self->area >= 0)) return "its area is no number >= 0";
    const json_t *crowd = json_object_get(one, "iscrowd"), *joints = json_object_get(one, "num_keypoints");
    if (crowd && !json_is_integer(crowd) && !json_is_boolean(crowd)) return "its iscrowd is not 0 or 1";
    self->crowd = json_is_true(crowd) || json_integer_value(crowd) != 0;
    self->ignored = joints && json_integer_value(joints) == 0; /* of keypoints only */
    return NULL;
}

static const char *take_object(const shunt_coco *truth, const json_t *one, bool detection, coco_object *self)
{
    if (!json_is_object(one)) return "it is no object";
    if (!detection && !read_integer(one, "id", &self->id)) return "its id is no integer";
    const char *reason = take_place(truth, one, self);
    if (!reason) reason = take_numbers(one, detection, self);
    self->segmentation = json_object_get(one, "segmentation");
    self->keypoints = json_object_get(one, "keypoints");
    return reason;
}

static int by_id(const void *a, const void *b)
{
    const coco_object *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int by_group(const void *a, const void *b)
{
    const coco_object *x = a, *y = b;
    if (x->category != y->category) return x->category < y->category ? -1 : 1;
    if (x->picture != y->picture) return x->picture < y->picture ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

void coco_objects_free(coco_objects *self)
{
    for (size_t i = 0; i < self->count; i++) {
        mask_free(&self->list[i].mask);
        free(self->list[i].joints);
    }
    free(self->list);
    *self = (coco_objects){0};
}

static shunt_status refuse_same_ids(const char *path, coco_objects *self)
{
    qsort(self->list, self->count, sizeof *self->list, by_id);
    for (size_t i = 1; i < self->count; i++)
        if (self->list[i].id == self->list[i - 1].id)
            return error_fail(SHUNT_E_INVALID, "%s: two annotations have the id %lld", path,
                              (long long)self->list[i].id);
    return SHUNT_OK;
}

shunt_status coco_read_objects(const shunt_coco *truth, const char *path, const json_t *list, bool results,
                               bool skip_bad, coco_objects *out)
{
    *out = (coco_objects){.list = calloc(json_array_size(list) + 1, sizeof *out->list)};
    if (!out->list) return error_memory();
    for (size_t i = 0; i < json_array_size(list) && i < UINT32_MAX; i++) {
        coco_object *one = &out->list[out->count];
        *one = (coco_object){.order = (uint32_t)i, .id = (int64_t)i + 1};
        const char *reason = take_object(truth, json_array_get(list, i), results, one);
        if (!reason) {
            out->count++;
        } else if (skip_bad) {
            out->left_out++;
        } else {
            const long long id = one->id;
            coco_objects_free(out);
            return results ? error_fail(SHUNT_E_INVALID, "%s: result %zu: %s", path, i, reason)
                           : error_fail(SHUNT_E_INVALID, "%s: annotation %zu (id %lld): %s", path, i, id, reason);
        }
    }
    shunt_status status = results ? SHUNT_OK : refuse_same_ids(path, out);
    qsort(out->list, out->count, sizeof *out->list, by_group);
    if (status) coco_objects_free(out);
    return status;
}

/* ---- The whole file ---- */

/* Of the pictures the first `limit`, and their objects. */
static void keep_first(shunt_coco *self, uint64_t limit)
{
    size_t kept = 0;
    for (size_t i = limit; i < self->npictures; i++) free(self->pictures[i].file);
    if (self->npictures > limit) self->npictures = (size_t)limit;
    for (size_t i = 0; i < self->objects.count; i++) /* none has a shape yet that would have to be freed */
        if (self->objects.list[i].picture < self->npictures) self->objects.list[kept++] = self->objects.list[i];
    self->objects.count = kept;
}

static shunt_status read_truth(shunt_coco *self, bool skip_bad)
{
    const json_t *images = json_object_get(self->json, "images"),
                 *categories = json_object_get(self->json, "categories"),
                 *annotations = json_object_get(self->json, "annotations");
    if (!json_is_array(images) || !json_is_array(categories) || !json_is_array(annotations))
        return error_fail(SHUNT_E_INVALID,
                          "%s: no COCO annotations: it needs lists of images, categories and annotations", self->path);
    shunt_status status = read_pictures(self, images);
    if (!status) status = read_categories(self, categories);
    if (!status) status = coco_read_objects(self, self->path, annotations, false, skip_bad, &self->objects);
    return status;
}

shunt_status coco_open(const char *path, const char *folder, const shunt_coco_options *options, shunt_coco **out)
{
    shunt_coco_options own;
    shunt_status status = coco_take_options(options, &own);
    if (status) return status;
    shunt_coco *self = calloc(1, sizeof *self);
    if (!self || !(self->path = strdup(path)) || (folder && !(self->folder = strdup(folder)))) {
        shunt_coco_close(self);
        return error_memory();
    }
    status = coco_load_json(path, JSON_OBJECT, &self->json);
    if (!status) status = read_truth(self, own.skip_bad != 0);
    if (status) {
        shunt_coco_close(self);
        return status;
    }
    if (own.limit) keep_first(self, own.limit);
    *out = self;
    return SHUNT_OK;
}

shunt_status shunt_coco_open(const char *path, const shunt_coco_options *options, shunt_coco **out)
{
    if (!path || !out) return error_fail(SHUNT_E_INVALID, "shunt_coco_open: path and out must be given");
    *out = NULL;
    return coco_open(path, NULL, options, out);
}

const char *shunt_coco_picture(const shunt_coco *truth, size_t index, int64_t *id)
{
    if (!truth || index >= truth->npictures) return NULL;
    if (id) *id = truth->pictures[index].id;
    return truth->pictures[index].file ? truth->pictures[index].file : "";
}

void shunt_coco_close(shunt_coco *truth)
{
    if (!truth) return;
    coco_objects_free(&truth->objects);
    for (size_t i = 0; i < truth->ncategories; i++) free(truth->categories[i].name);
    free(truth->categories);
    for (size_t i = 0; i < truth->npictures; i++) free(truth->pictures[i].file);
    free(truth->pictures);
    json_decref(truth->json);
    free(truth->folder);
    free(truth->path);
    free(truth);
}
