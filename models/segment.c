/* segment.c - a picture in, the class of each of its pixels out. */
#include "models/model.h"
#include "runtime/base/error.h"

#include <math.h>
#include <shunt/resize.h>
#include <shunt/segment.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 256 };

static const char *const voc[] = {"background", "aeroplane", "bicycle",   "bird",   "boat",        "bottle",
                                  "bus",        "car",       "cat",       "chair",  "cow",         "diningtable",
                                  "dog",        "horse",     "motorbike", "person", "pottedplant", "sheep",
                                  "sofa",       "train",     "tvmonitor"};

const char *shunt_voc_label(size_t index)
{
    return index < sizeof voc / sizeof *voc ? voc[index] : NULL;
}

/* ---- From scores to classes ----------------------------------------------------------------------------------------- */

/* Scores (classes, height, width), and the rows that are made of them. */
typedef struct scores {
    int64_t classes, height, width;
    const float *data;
    float *row;             /* classes x width: scores between two rows */
    shunt_resize_tap *taps; /* of the result's columns */
    float *best;            /* of a row of the result */
} scores;

static const shunt_resize_attr bilinear = {.filter = SHUNT_RESIZE_BILINEAR, .coordinates = SHUNT_RESIZE_HALF_PIXEL};

static void mix_rows(const scores *self, const shunt_resize_tap *tap)
{
    const int64_t W = self->width;
    const float a = (float)tap->weight[0], b = (float)tap->weight[1];
    for (int64_t c = 0; c < self->classes; c++) {
        const float *plane = self->data + c * self->height * W;
        const float *upper = plane + tap->index[0] * W, *lower = plane + tap->index[1] * W;
        float *row = self->row + c * W;
        for (int64_t x = 0; x < W; x++) row[x] = a * upper[x] + b * lower[x];
    }
}

/* Of the mixed row, stretched to `width`. */
static void choose_row(const scores *self, int64_t width, uint8_t *classes)
{
    memset(classes, 0, (size_t)width);
    for (int64_t x = 0; x < width; x++) self->best[x] = -INFINITY;
    for (int64_t c = 0; c < self->classes; c++) {
        const float *row = self->row + c * self->width;
        for (int64_t x = 0; x < width; x++) {
            const shunt_resize_tap *tap = &self->taps[x];
            const float score = (float)tap->weight[0] * row[tap->index[0]] + (float)tap->weight[1] * row[tap->index[1]];
            if (score > self->best[x]) {
                self->best[x] = score;
                classes[x] = (uint8_t)c;
            }
        }
    }
}

static shunt_status choose(scores *self, shunt_segmentation *out)
{
    self->row = reallocarray(NULL, (size_t)self->classes * (size_t)self->width, sizeof *self->row);
    self->taps = reallocarray(NULL, (size_t)out->width, sizeof *self->taps);
    self->best = reallocarray(NULL, (size_t)out->width, sizeof *self->best);
    shunt_status status = self->row && self->taps && self->best ? SHUNT_OK : error_memory();
    for (int64_t x = 0; !status && x < out->width; x++)
        self->taps[x] = shunt_resize_tap_at(&bilinear, 1, self->width, out->width, x);
    for (int64_t y = 0; !status && y < out->height; y++) {
        const shunt_resize_tap tap = shunt_resize_tap_at(&bilinear, 0, self->height, out->height, y);
        mix_rows(self, &tap);
        choose_row(self, out->width, out->classes + y * out->width);
    }
    free(self->row);
    free(self->taps);
    free(self->best);
    return status;
}

/* ---- Pictures ------------------------------------------------------------------------------------------------------- */

/* The scores of a view, which the caller frees. */
static shunt_status run(shunt_model *model, shunt_device *device, const shunt_views *view, float **out)
{
    const int64_t src_dims[] = {1, shunt_preprocess_planes(&model->preprocess), view->height, view->width};
    const int64_t dst_dims[] = {1, model->net.classes, view->height, view->width};
    shunt_executor *executor;
    shunt_status status = shunt_model_executor(model, device, &executor);
    if (status) return status;
    shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, src_dims), view->data};
    shunt_tensor dst = {shunt_tensor_make(SHUNT_F32, 4, dst_dims), NULL};
    *out = dst.data = malloc((size_t)shunt_tensor_bytes(&dst.desc));
    if (!dst.data) return error_memory();
    status = shunt_executor_run(executor, &src, 1, &dst, 1);
    return status ? status : model_check_finite(model, dst.data, (size_t)shunt_tensor_count(&dst.desc));
}

static shunt_status segment(shunt_model *model, shunt_device *device, const shunt_image *image, const shunt_views *view,
                            shunt_segmentation *out)
{
    float *data = NULL;
    *out = (shunt_segmentation){.height = image->height,
                                .width = image->width,
                                .classes = malloc((size_t)image->height * (size_t)image->width),
                                .input_height = view->height,
                                .input_width = view->width};
    shunt_status status = out->classes ? run(model, device, view, &data) : error_memory();
    scores made = {.classes = model->net.classes, .height = view->height, .width = view->width, .data = data};
    if (!status) status = choose(&made, out);
    free(data);
    if (status) shunt_segmentation_free(out);
    return status;
}

shunt_status shunt_segment(shunt_model *model, shunt_device *device, const shunt_image *image, shunt_segmentation *out)
{
    if (!model || !device || !image || !out) return error_null(__func__, "model, device, image, out");
    shunt_views view = {0};
    *out = (shunt_segmentation){0};
    shunt_status status = model_need_task(model, SHUNT_TASK_SEGMENT);
    if (!status && model->net.classes > MOST_CLASSES)
        status = error_fail(SHUNT_E_UNSUPPORTED, "%s has %lld classes; a map of them holds %d", model->net.name,
                            (long long)model->net.classes, MOST_CLASSES);
    if (!status) status = model_need_weights(model);
    if (!status) status = model_check_preprocess(model);
    if (!status) status = shunt_preprocess_views(&model->preprocess, SHUNT_CROP_WHOLE, image, &view);
    if (!status) status = segment(model, device, image, &view, out);
    shunt_views_free(&view);
    return status;
}

void shunt_segmentation_free(shunt_segmentation *segmentation)
{
    if (!segmentation) return;
    free(segmentation->classes);
    *segmentation = (shunt_segmentation){0};
}
