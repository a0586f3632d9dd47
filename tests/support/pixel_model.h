/* pixel_model.h - a network that labels pixels, whose random weights give all of its classes, and the classes that its scores mean, by
 * plain loops in double. */
#ifndef SHUNT_TESTS_PIXEL_MODEL_H
#define SHUNT_TESTS_PIXEL_MODEL_H

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/shunt.h>
#include <stdlib.h>
#include <string.h>

#define PIXEL_OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

enum { PIXEL_CLASSES = 5, PIXEL_SIDE = 33 }; /* the short side that the network is shown */

/* The scores (PIXEL_CLASSES, height, width) of a view; to be freed. */
static inline float *pixel_scores(shunt_model *model, shunt_device *device, const shunt_views *view)
{
    shunt_executor *executor;
    const int64_t from[] = {1, 3, view->height, view->width}, to[] = {1, PIXEL_CLASSES, view->height, view->width};
    shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, from), view->data};
    shunt_tensor dst = {shunt_tensor_make(SHUNT_F32, 4, to), NULL};
    dst.data = malloc(shunt_tensor_bytes(&dst.desc));
    cr_assert(dst.data);
    PIXEL_OK(shunt_model_executor(model, device, &executor));
    PIXEL_OK(shunt_executor_run(executor, &src, 1, &dst, 1));
    return dst.data;
}

static inline void pixel_view(const shunt_model *model, const shunt_image *image, shunt_views *out)
{
    shunt_preprocess how = *shunt_model_preprocess(model);
    how.resize = how.crop = PIXEL_SIDE;
    PIXEL_OK(shunt_preprocess_views(&how, SHUNT_CROP_WHOLE, image, out));
}

/* The last layer's biases become such that each class has the mean score 0 on this picture. */
static inline shunt_weights *pixel_balanced(shunt_model *model, shunt_device *device, const shunt_image *image)
{
    static const char bias[] = "classifier.4.bias";
    shunt_views view;
    shunt_weights *made;
    float biases[PIXEL_CLASSES];
    pixel_view(model, image, &view);
    float *scores = pixel_scores(model, device, &view);
    const shunt_tensor_view *last = shunt_weights_find(shunt_model_weights(model), bias);
    const int64_t area = view.height * view.width;
    PIXEL_OK(shunt_weights_create(&made));
    for (int c = 0; c < PIXEL_CLASSES; c++) {
        double sum = 0;
        for (int64_t i = 0; i < area; i++) sum += (double)scores[c * area + i];
        biases[c] = ((const float *)last->data)[c] - (float)(sum / (double)area);
    }
    for (size_t i = 0; i < shunt_weights_count(shunt_model_weights(model)); i++) {
        const shunt_tensor_view *tensor = shunt_weights_at(shunt_model_weights(model), i);
        PIXEL_OK(
            shunt_weights_set(made, tensor->name, &tensor->desc, strcmp(tensor->name, bias) ? tensor->data : biases));
    }
    free(scores);
    shunt_views_free(&view);
    return made;
}

/* Writes it, with the names "none", "one" ... of its classes, and returns it. */
static inline shunt_model *put_pixel_model(const char *path, shunt_device *device, const shunt_image *image)
{
    static const char *const labels[PIXEL_CLASSES] = {"none", "one", "two", "three", "four"};
    const shunt_model_options options = {.classes = PIXEL_CLASSES};
    shunt_model *model;
    PIXEL_OK(shunt_model_create("fcn_resnet50", &options, &model));
    PIXEL_OK(shunt_model_randomize(model, 1));
    shunt_weights *weights = pixel_balanced(model, device, image);
    PIXEL_OK(shunt_weights_save(weights, path));
    shunt_weights_destroy(weights);
    PIXEL_OK(shunt_model_load(model, path));
    PIXEL_OK(shunt_model_set_labels(model, labels));
    PIXEL_OK(shunt_model_save(model, path));
    return model;
}

/* Of one plane at a place between its elements. */
static inline double pixel_between(const float *plane, int64_t height, int64_t width, double y, double x)
{
    y = fmin(fmax(y, 0), (double)(height - 1));
    x = fmin(fmax(x, 0), (double)(width - 1));
    const int64_t top = (int64_t)y, left = (int64_t)x, bottom = top + (top + 1 < height),
                  right = left + (left + 1 < width);
    const double down = y - (double)top, over = x - (double)left;
    return (1 - down) * ((1 - over) * (double)plane[top * width + left] + over * (double)plane[top * width + right]) +
           down * ((1 - over) * (double)plane[bottom * width + left] + over * (double)plane[bottom * width + right]);
}

/* The class of each of the picture's pixels; to be freed. */
static inline uint8_t *pixel_classes(shunt_model *model, shunt_device *device, const shunt_image *image)
{
    shunt_views view;
    pixel_view(model, image, &view);
    float *scores = pixel_scores(model, device, &view);
    uint8_t *classes = calloc((size_t)(image->height * image->width), 1);
    cr_assert(classes);
    for (int64_t i = 0; i < image->height * image->width; i++) {
        const double y = ((double)(i / image->width) + 0.5) * (double)view.height / (double)image->height - 0.5;
        const double x = ((double)(i % image->width) + 0.5) * (double)view.width / (double)image->width - 0.5;
        double most = -INFINITY;
        for (int c = 0; c < PIXEL_CLASSES; c++) {
            const double score = pixel_between(scores + c * view.height * view.width, view.height, view.width, y, x);
            if (score > most) most = score, classes[i] = (uint8_t)c;
        }
    }
    free(scores);
    shunt_views_free(&view);
    return classes;
}

#endif
