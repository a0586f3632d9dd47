/* stage_numbers.h - what tests of the stages around a network share: numbers of golden data, and those of docs/random-weights.md. Failures end
 * the test. */
#ifndef SHUNT_TESTS_STAGE_NUMBERS_H
#define SHUNT_TESTS_STAGE_NUMBERS_H

#include "models/detect/detect.h"
#include "runtime/base/random.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEED = 1 };

static inline double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    cr_assert(json_is_number(value), "no %s", key);
    return json_number_value(value);
}

static inline double element(const json_t *list, size_t i)
{
    const json_t *value = json_array_get(list, i);
    cr_assert(json_is_number(value), "no element %zu", i);
    return json_number_value(value);
}

static inline void pair(const json_t *object, const char *key, int64_t out[2])
{
    for (size_t i = 0; i < 2; i++) out[i] = (int64_t)element(json_object_get(object, key), i);
}

static inline uint64_t key_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline uint64_t key_of(const char *format, ...)
{
    char name[64];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return random_key(name, SEED);
}

static inline float *numbers(uint64_t key, size_t count, double low, double high)
{
    float *made = malloc((count + 1) * sizeof *made);
    cr_assert(made);
    for (size_t i = 0; i < count; i++) made[i] = (float)(low + (high - low) * random_at(key, i));
    return made;
}

static inline void expect_near(double got, double wanted, double tolerance, const char *what, size_t i)
{
    cr_assert(fabs(got - wanted) <= tolerance, "%s, number %zu: %.9g, not %.9g", what, i, got, wanted);
}

/* The golden rows of objects: box, score, class. */
static inline void expect_found(const json_t *wanted, const detect_candidate *list, size_t count)
{
    cr_assert_eq(count, json_array_size(wanted), "%zu objects, not %zu", count, json_array_size(wanted));
    for (size_t i = 0; i < count; i++) {
        const json_t *row = json_array_get(wanted, i);
        const double sides[] = {list[i].box.left, list[i].box.top, list[i].box.right, list[i].box.bottom};
        for (size_t k = 0; k < 4; k++) expect_near(sides[k], element(row, k), 1e-4, "a side", 4 * i + k);
        expect_near(list[i].score, element(row, 4), 1e-6, "a score", i);
        cr_assert_eq(list[i].label, (int32_t)element(row, 5));
    }
}

#endif
