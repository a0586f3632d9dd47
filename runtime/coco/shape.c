/* shape.c - masks and keypoints of annotations and results, from JSON. */
#include "runtime/coco/coco.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool read_numbers(const json_t *list, double *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        out[i] = json_number_value(value);
        if (!json_is_number(value) || !isfinite(out[i])) return false;
    }
    return true;
}

/* Four numbers are a box, as in pycocotools. */
static const char *take_polygon(const json_t *list, bool box, uint32_t height, uint32_t width, mask *out)
{
    const size_t count = json_array_size(list);
    if (box ? count != 4 : count < 6 || count % 2)
        return "a polygon of its segmentation is no list of three or more corners x, y";
    double *corners = malloc((count < 8 ? 8 : count) * sizeof *corners);
    bool wrong = false;
    if (!corners) return "";
    const bool numbers = read_numbers(list, corners);
    if (box) {
        const double x0 = corners[0], y0 = corners[1], x1 = x0 + corners[2], y1 = y0 + corners[3];
        memcpy(corners, (double[8]){x0, y0, x0, y1, x1, y1, x1, y0}, 8 * sizeof *corners);
    }
    const bool good = numbers && mask_from_polygon(corners, box ? 4 : count / 2, height, width, out, &wrong);
    free(corners);
    if (good) return NULL;
    return wrong || !numbers ? "a polygon of its segmentation has corners that are no numbers or far outside" : "";
}

static const char *take_polygons(const json_t *list, uint32_t height, uint32_t width, mask *out)
{
    if (!json_array_size(list)) return "its segmentation is empty";
    const bool boxes = json_array_size(json_array_get(list, 0)) == 4;
    for (size_t i = 0; i < json_array_size(list); i++) {
        mask one, both;
        const char *reason = take_polygon(json_array_get(list, i), boxes, height, width, &one);
        if (reason) return reason;
        if (i == 0) {
            *out = one;
            continue;
        }
        const bool good = mask_union(out, &one, &both);
        mask_free(&one);
        mask_free(out);
        *out = both;
        if (!good) return "";
    }
    return NULL;
}

static const char *take_counts(const json_t *counts, uint32_t height, uint32_t width, mask *out)
{
    const uint64_t pixels = (uint64_t)height * width;
    uint64_t sum = 0;
    *out = (mask){.height = height, .width = width, .runs = malloc((json_array_size(counts) + 1) * sizeof *out->runs)};
    if (!out->runs) return "";
    for (size_t i = 0; i < json_array_size(counts); i++) {
        const json_t *value = json_array_get(counts, i);
        const json_int_t run = json_integer_value(value);
        if (!json_is_integer(value) || run < 0 || (uint64_t)run > pixels - sum)
            return "its runs are not those of a mask of its size";
        out->runs[out->count++] = (uint32_t)run;
        sum += (uint64_t)run;
    }
    return sum == pixels ? NULL : "its runs do not add up to the pixels of its size";
}

static const char *take_runs(const json_t *runs, const coco_picture *picture, mask *out)
{
    const json_t *size = json_object_get(runs, "size"), *counts = json_object_get(runs, "counts");
    const json_int_t height = json_integer_value(json_array_get(size, 0)),
                     width = json_integer_value(json_array_get(size, 1));
    if (json_array_size(size) != 2 || height < 1 || width < 1 || height > MASK_MOST_PIXELS / width)
        return "the size of its runs is not a height and a width";
    if (picture->height && picture->width && (picture->height != (uint32_t)height || picture->width != (uint32_t)width))
        return "the size of its runs is not that of its picture";
    if (json_is_array(counts)) return take_counts(counts, (uint32_t)height, (uint32_t)width, out);
    if (!json_is_string(counts)) return "the counts of its runs are neither a list nor a text";
    bool wrong;
    if (mask_from_text(json_string_value(counts), json_string_length(counts), (uint32_t)height, (uint32_t)width, out,
                       &wrong))
        return NULL;
    return wrong ? "its runs are damaged, or do not add up to the pixels of its size" : "";
}

static const char *take_mask(const shunt_coco *truth, coco_object *self)
{
    const coco_picture *picture = &truth->pictures[self->picture];
    const json_t *is = self->segmentation;
    if (json_is_object(is)) return take_runs(is, picture, &self->mask);
    if (!json_is_array(is)) return "it has no segmentation";
    if (!picture->height || !picture->width || picture->height > MASK_MOST_PIXELS / picture->width)
        return "its picture has no height and width, which polygons need";
    return take_polygons(is, picture->height, picture->width, &self->mask);
}

/* Of the joints, from the first to the last along x (0) or y (1). */
static double extent(const coco_object *self, int axis)
{
    double first = INFINITY, last = -INFINITY;
    for (int k = 0; k < COCO_JOINTS; k++) {
        first = fmin(first, self->joints[k][axis]);
        last = fmax(last, self->joints[k][axis]);
    }
    return last - first;
}

static const char *take_joints(bool detection, coco_object *self)
{
    double numbers[3 * COCO_JOINTS];
    if (json_array_size(self->keypoints) != 3 * COCO_JOINTS || !read_numbers(self->keypoints, numbers))
        return "its keypoints are not 17 times x, y, flag";
    self->joints = malloc(COCO_JOINTS * sizeof *self->joints);
    if (!self->joints) return "";
    memcpy(self->joints, numbers, sizeof numbers);
    for (int k = 0; k < COCO_JOINTS; k++) self->visible += self->joints[k][2] > 0;
    if (detection && !self->has_area) self->area = extent(self, 0) * extent(self, 1);
    return detection || self->has_box ? NULL : "it has no bbox";
}

bool coco_take_shape(const shunt_coco *truth, shunt_coco_task task, bool detection, coco_object *self, char *reason,
                     size_t size)
{
    const char *wrong = NULL;
    if (task == SHUNT_COCO_KEYPOINTS) {
        wrong = take_joints(detection, self);
    } else if (task == SHUNT_COCO_MASKS || (!self->has_box && self->segmentation)) {
        wrong = take_mask(truth, self);
        if (!wrong && detection && !self->has_area) self->area = (double)mask_area(&self->mask);
        if (!wrong && !self->has_box) mask_box(&self->mask, self->box);
    } else if (!self->has_box) {
        wrong = "it has no bbox";
    }
    if (wrong) snprintf(reason, size, "%s", wrong);
    return !wrong;
}
