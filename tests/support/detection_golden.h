/* detection_golden.h - pictures and objects of the golden data of networks that find objects. Failures end the test. */
#ifndef SHUNT_TESTS_DETECTION_GOLDEN_H
#define SHUNT_TESTS_DETECTION_GOLDEN_H

#include "runtime/base/random.h"
#include "tests/support/detection_model.h"

#include <jansson.h>
#include <math.h>
#include <shunt/detect.h>

enum { DETECTION_SEED = 1 };

static inline double detection_number(const json_t *test, const char *key)
{
    const json_t *value = json_object_get(test, key);
    cr_assert(json_is_number(value), "no %s", key);
    return json_number_value(value);
}

static inline json_t *detection_golden(const char *file)
{
    json_error_t error;
    json_t *golden = json_load_file(file, 0, &error);
    cr_assert(golden, "%s: %s", file, error.text);
    return golden;
}

/* The device that is tested. */
static inline shunt_device *detection_device(void)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device;
    DETECTION_OK(shunt_device_open(selector ? selector : "scalar", NULL, &device));
    return device;
}

static inline shunt_image detection_picture(const json_t *test)
{
    const uint64_t key = random_key(json_string_value(json_object_get(test, "picture")), DETECTION_SEED);
    shunt_image image = {(int64_t)detection_number(test, "height"), (int64_t)detection_number(test, "width"), NULL};
    const size_t bytes = (size_t)(3 * image.height * image.width);
    cr_assert(image.rgb = malloc(bytes));
    for (size_t i = 0; i < bytes; i++) image.rgb[i] = (uint8_t)(256 * random_at(key, i));
    return image;
}

static inline void detection_expect(const json_t *test, const shunt_detections *found)
{
    const double PIXELS = 0.01, SCORE = 1e-4;
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

#endif
