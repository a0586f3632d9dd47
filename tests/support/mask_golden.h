/* mask_golden.h - a mask of the golden data: values at some places, and how many are not 0. Failures end the test. */
#ifndef SHUNT_TESTS_MASK_GOLDEN_H
#define SHUNT_TESTS_MASK_GOLDEN_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>

static inline void expect_mask(const json_t *wanted, const float *made, size_t pixels, double tolerance, size_t which)
{
    const json_t *at = json_object_get(wanted, "at"), *values = json_object_get(wanted, "values");
    const double expected = json_number_value(json_object_get(wanted, "sum"));
    const size_t inside = (size_t)json_integer_value(json_object_get(wanted, "count"));
    size_t count = 0;
    double sum = 0;
    cr_assert(json_array_size(at) == json_array_size(values) && json_array_size(at) > 0, "mask %zu", which);
    for (size_t i = 0; i < json_array_size(at); i++) {
        const size_t place = (size_t)json_integer_value(json_array_get(at, i));
        const double value = json_number_value(json_array_get(values, i));
        cr_assert(place < pixels && fabs((double)made[place] - value) <= tolerance,
                  "mask %zu, pixel %zu: %.9g, not %.9g", which, place, (double)made[place], value);
    }
    for (size_t i = 0; i < pixels; i++) {
        count += made[i] != 0;
        sum += (double)made[i];
    }
    cr_assert_eq(count, inside, "mask %zu: %zu pixels, not %zu", which, count, inside);
    cr_assert(fabs(sum - expected) <= tolerance * (double)inside, "mask %zu: a sum of %.9g, not %.9g", which, sum,
              expected);
}

#endif
