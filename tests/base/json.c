/* json.c - JSON within a budget: of whatever small values a text is made, the longest that is taken stays within it. */
#include "runtime/base/json.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* What an array of `count` units comes to, or -1 when it is refused. */
static long memory_of(const char *unit, unsigned count, size_t *length)
{
    char *text = malloc((strlen(unit) + 1) * count + 3), *to = text;
    cr_assert(text);
    *to++ = '[';
    for (unsigned i = 0; i < count; i++) {
        to = stpcpy(to, unit);
        *to++ = i + 1 < count ? ',' : ']';
    }
    json_error_t error;
    *length = (size_t)(to - text);
    const struct mallinfo2 before = mallinfo2();
    json_t *value = bounded_json_load(text, *length, &error);
    const struct mallinfo2 after = mallinfo2();
    free(text);
    if (!value) {
        cr_assert(strstr(error.text, "more and smaller values"), "%s: %s", unit, error.text);
        return -1;
    }
    json_decref(value);
    return (long)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
}

Test(json, the_longest_text_that_is_taken_stays_within_the_budget)
{
    static const char *const units[] = {
        "[]", "{}", "\"\"", "[0]", "{\"a\":\"\"}", "[[[[[]]]]]", "{\"a\":{\"a\":{\"a\":{}}}}", "{\"a\":1.5,\"b\":[]}"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        unsigned low = 1, high = 1 << 18; /* of units: taken, refused */
        size_t length;
        cr_assert_eq(memory_of(units[i], high, &length), -1, "%s", units[i]);
        while (high - low > high / 16) {
            unsigned middle = low + (high - low) / 2;
            if (memory_of(units[i], middle, &length) < 0)
                high = middle;
            else
                low = middle;
        }
        long bytes = memory_of(units[i], low, &length);
        cr_expect(bytes <= (32 << 20) + 2 * (long)length, "%u of %s: %ld bytes for a text of %zu", low, units[i], bytes,
                  length);
    }
}

Test(json, plain_numbers_have_no_end)
{
    size_t length;
    cr_expect(memory_of("0.1234567890123456", 1 << 20, &length) > 0);
}
