/* detection.c - networks that find objects, on one device (SHUNT_TEST_DEVICE, scalar by default), from the picture to the boxes, against
 * torchvision in float64 with the same weights and pictures (tests/golden/detection.py). */
#include <shunt/shunt.h>

#include "runtime/base/random.h"
#include "tests/support/detection_model.h"

#include <jansson.h>
#include <math.h>

enum { SEED = 1 };
static const double PIXELS = 0.01, SCORE = 1e-4;

static double number(const json_t *test, const char *key)
{
    const json_t *value = json_object_get(test, key);
    cr_assert(json_is_number(value), "no %s", key);
    return json_number_value(value);
}

/* The random weights, whose heads are scaled so that scores and boxes are spread. */
static shunt_model *make_model(const json_t *test)
{
    const shunt_model_options options = {.size = sizeof options,
                                         .classes = (int64_t)number(test, "classes"),
                                         .epsilon = json_is_true(json_object_get(test, "epsilon")) ? SHUNT_EPSILON_1E_5
                                                                                                   : SHUNT_EPSILON_0};
    shunt_model *model = detection_model(json_string_value(json_object_get(test, "model")), &options, SEED,
                                         number(test, "logits"), number(test, "shift"), number(test, "codes"));
    cr_assert_eq(shunt_model_task(model), SHUNT_TASK_DETECT);
    shunt_preprocess preprocess = *shunt_model_preprocess(model);
    preprocess.resize = (int64_t)number(test, "short");
    shunt_model_set_preprocess(model, &preprocess);
    return model;
}

static shunt_image make_picture(const json_t *test)
{
    const uint64_t key = random_key(json_string_value(json_object_get(test, "picture")), SEED);
    shunt_image image = {(int64_t)number(test, "height"), (int64_t)number(test, "width"), NULL};
    const size_t bytes = (size_t)(3 * image.height * image.width);
    cr_assert(image.rgb = malloc(bytes));
    for (size_t i = 0; i < bytes; i++) image.rgb[i] = (uint8_t)(256 * random_at(key, i));
    return image;
}

static void expect_objects(const json_t *test, const shunt_detections *found)
{
    const json_t *wanted = json_object_get(test, "found");
    const char *picture = json_string_value(json_object_get(test, "picture"));
    cr_assert_eq(shunt_detections_count(found), json_array_size(wanted), "%s: %zu objects, not %zu", picture,
                 shunt_detections_count(found), json_array_size(wanted));
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        const json_t *row = json_array_get(wanted, i);
        const shunt_detection *one = shunt_detections_at(found, i);
        for (size_t k = 0; k < 4; k++) {
            const double side = json_number_value(json_array_get(row, k));
            cr_assert(fabs((double)one->box[k] - side) <= PIXELS, "%s, object %zu, side %zu: %.4f, not %.4f", picture,
                      i, k, (double)one->box[k], side);
        }
        const double score = json_number_value(json_array_get(row, 4));
        cr_assert(fabs((double)one->score - score) <= SCORE, "%s, object %zu: score %.6f, not %.6f", picture, i,
                  (double)one->score, score);
        cr_assert_eq(one->label, json_integer_value(json_array_get(row, 5)), "%s, object %zu", picture, i);
    }
}

static void run_case(shunt_device *device, const json_t *test)
{
    const shunt_detect_options options = {.size = sizeof options, .longest = (int64_t)number(test, "long")};
    shunt_model *model = make_model(test);
    shunt_image image = make_picture(test);
    shunt_detections *found;
    DETECTION_OK(shunt_detect(model, device, &image, &options, &found));
    expect_objects(test, found);
    shunt_detections_free(found);
    shunt_image_free(&image);
    shunt_model_destroy(model);
}

static void run_all(const char *model)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device;
    DETECTION_OK(shunt_device_open(selector ? selector : "scalar", NULL, &device));
    json_error_t error;
    json_t *golden = json_load_file(TEST_GOLDEN "/detection.json", 0, &error), *test;
    cr_assert(golden, "%s", error.text);
    size_t i, found = 0;
    json_array_foreach(json_object_get(golden, "nets"), i, test)
    {
        if (strcmp(json_string_value(json_object_get(test, "model")), model)) continue;
        run_case(device, test);
        found++;
    }
    cr_assert(found > 0);
    json_decref(golden);
    shunt_device_close(device);
}

Test(detection, retinanet_resnet18)
{
    run_all("retinanet_resnet18_fpn");
}

Test(detection, retinanet_resnet50)
{
    run_all("retinanet_resnet50_fpn");
}
