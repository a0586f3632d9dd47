/* segmentation.c - networks that label pixels, on one device (SHUNT_TEST_DEVICE, scalar by default), against what torchvision computed
 * in float64 from the same weights and inputs (docs/random-weights.md; tests/golden/segmentation.py). */
#include <shunt/shunt.h>

#include "runtime/base/random.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

static const double TOLERANCE = 1e-4;

static json_int_t number(const json_t *test, const char *key)
{
    return json_integer_value(json_object_get(test, key));
}

/* Of one image: the relative L2 error over the scores that are kept, evenly spread over all, and that of the norm of all. */
static void compare(const json_t *test, size_t image, const float *scores, size_t count)
{
    const char *name = json_string_value(json_object_get(test, "model"));
    const json_t *kept = json_array_get(json_object_get(test, "scores"), image);
    const double expected_norm = json_number_value(json_array_get(json_object_get(test, "norms"), image));
    double error = 0, size = 0, norm = 0;
    for (size_t i = 0; i < json_array_size(kept); i++) {
        const double expected = json_number_value(json_array_get(kept, i));
        const double got = (double)scores[i * (count - 1) / (json_array_size(kept) - 1)];
        error += (got - expected) * (got - expected);
        size += expected * expected;
    }
    for (size_t i = 0; i < count; i++) norm += (double)scores[i] * (double)scores[i];
    cr_assert(sqrt(error / size) <= TOLERANCE, "%s, image %zu: relative L2 error %.3g", name, image,
              sqrt(error / size));
    cr_assert(fabs(sqrt(norm) / expected_norm - 1) <= TOLERANCE, "%s, image %zu: the norm is off by %.3g", name, image,
              sqrt(norm) / expected_norm - 1);
}

/* All images of a case at once. */
static void run_case(shunt_device *device, const json_t *test)
{
    const int64_t images = (int64_t)json_array_size(json_object_get(test, "norms")), classes = number(test, "classes");
    const int64_t height = number(test, "height"), width = number(test, "width");
    const size_t each = (size_t)(classes * height * width), pixels = (size_t)(images * 3 * height * width);
    const uint64_t key = random_key("input", (uint64_t)number(test, "seed"));
    shunt_model *model;
    shunt_executor *executor;
    OK(shunt_model_create(json_string_value(json_object_get(test, "model")), NULL, &model));
    cr_assert_eq(shunt_model_classes(model), classes);
    cr_assert_eq(shunt_model_task(model), SHUNT_TASK_SEGMENT);
    OK(shunt_model_randomize(model, (uint64_t)number(test, "seed")));
    OK(shunt_model_executor(model, device, &executor));
    float *src = malloc(pixels * sizeof *src), *scores = malloc((size_t)images * each * sizeof *scores);
    cr_assert(src && scores);
    for (size_t i = 0; i < pixels; i++) src[i] = (float)(2 * random_at(key, i) - 1);
    shunt_tensor in = {shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){images, 3, height, width}), src};
    shunt_tensor out = {shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){images, classes, height, width}), scores};
    OK(shunt_executor_run(executor, &in, 1, &out, 1));
    for (size_t i = 0; i < (size_t)images; i++) compare(test, i, scores + i * each, each);
    free(src);
    free(scores);
    shunt_model_destroy(model);
}

static void run_all(const char *model)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device;
    OK(shunt_device_open(selector ? selector : "scalar", NULL, &device));
    json_error_t error;
    json_t *tests = json_load_file(TEST_GOLDEN "/segmentation.json", 0, &error), *test;
    cr_assert(json_is_array(tests), "%s", error.text);
    size_t i, found = 0;
    json_array_foreach(tests, i, test)
    {
        if (strcmp(json_string_value(json_object_get(test, "model")), model)) continue;
        run_case(device, test);
        found++;
    }
    cr_assert(found > 0);
    json_decref(tests);
    shunt_device_close(device);
}

Test(segmentation, fcn_resnet50)
{
    run_all("fcn_resnet50");
}

Test(segmentation, fcn_resnet101)
{
    run_all("fcn_resnet101");
}

Test(segmentation, deeplabv3_resnet50)
{
    run_all("deeplabv3_resnet50");
}

Test(segmentation, deeplabv3_resnet101)
{
    run_all("deeplabv3_resnet101");
}
