/* onnx_logits.h - ONNX networks of ten classes on one 16 x 16 picture, against ONNX Runtime's logits. Failures end the test. */
#ifndef SHUNT_TESTS_ONNX_LOGITS_H
#define SHUNT_TESTS_ONNX_LOGITS_H

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/shunt.h>
#include <stdio.h>

enum { CLASSES = 10, SIDE = 16 };

/* GOLDEN/NAME.onnx of the golden data. */
static inline shunt_model *open_model(const char *golden, const char *name)
{
    char path[512];
    shunt_model *model = NULL;
    snprintf(path, sizeof path, TEST_GOLDEN "/%s/%s.onnx", golden, name);
    cr_assert_eq(shunt_model_open(path, &(shunt_model_options){.height = SIDE, .width = SIDE}, &model), SHUNT_OK,
                 "%s: %s", name, shunt_last_error());
    return model;
}

/* Destroys the model. */
static inline void expect_logits(shunt_model *model, const char *name, const double *expected)
{
    shunt_device *device;
    shunt_image image;
    float src[3 * SIDE * SIDE], logits[CLASSES];
    double most = 0;
    cr_assert_eq(shunt_model_classes(model), CLASSES);
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK);
    cr_assert_eq(shunt_image_read(TEST_GOLDEN "/pictures/picture.png", &image), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_preprocess(model)->crop, SIDE);
    cr_assert_eq(shunt_preprocess_apply(shunt_model_preprocess(model), &image, src), SHUNT_OK);
    cr_assert_eq(shunt_model_run(model, device, 1, SIDE, SIDE, src, logits), SHUNT_OK, "%s", shunt_last_error());
    for (int i = 0; i < CLASSES; i++) most = fmax(most, fabs(expected[i]));
    for (int i = 0; i < CLASSES; i++)
        cr_expect_float_eq((double)logits[i], expected[i], 1e-6 * most, "%s: class %d: %.9g, not %.9g", name, i,
                           (double)logits[i], expected[i]);
    shunt_image_free(&image);
    shunt_model_destroy(model); /* before the device that it ran on */
    shunt_device_close(device);
}

#endif
