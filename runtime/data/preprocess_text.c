/* preprocess_text.c - preprocessing as the JSON text that weight files carry. */
#include "runtime/data/image.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/decimal.h"
#include "runtime/base/json.h"

static bool read_side(const json_t *object, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 1 && *out <= PREPROCESS_MOST_SIDE;
}

static bool read_channels(const json_t *object, const char *key, bool positive, float out[3])
{
    const json_t *list = json_object_get(object, key);
    if (json_array_size(list) != 3) return false;
    for (size_t i = 0; i < 3; i++) {
        const json_t *value = json_array_get(list, i);
        out[i] = (float)json_number_value(value);
        if (!json_is_number(value) || !isfinite(out[i]) || (positive && out[i] <= 0)) return false;
    }
    return true;
}

/* May be left out: files that were written before there was a choice have none. */
static bool read_choice(const json_t *object, const char *key, shunt_preprocess *out)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    char number[32];
    if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        text = number;
    }
    return !value || (text && !shunt_preprocess_set(out, key, text));
}

shunt_status shunt_preprocess_parse(const char *text, shunt_preprocess *out)
{
    if (!text || !out) return error_null(__func__, "text, out");
    json_error_t error;
    shunt_preprocess read = {0};
    json_t *object = bounded_json_load(text, strlen(text), &error);
    if (!object) return error_fail(SHUNT_E_INVALID, "metadata 'preprocess' is not JSON: %.80s", error.text);
    const char *bad = !read_side(object, "resize", &read.resize)         ? "resize"
                      : !read_side(object, "crop", &read.crop)           ? "crop"
                      : !read_channels(object, "mean", false, read.mean) ? "mean"
                      : !read_channels(object, "std", true, read.std)    ? "std"
                      : !read_choice(object, "filter", &read)            ? "filter"
                      : !read_choice(object, "channels", &read)          ? "channels"
                      : !read_choice(object, "range", &read)             ? "range"
                                                                         : NULL;
    json_decref(object);
    if (bad)
        return error_fail(
            SHUNT_E_INVALID,
            "metadata 'preprocess' has a wrong '%s'; it needs resize and crop (1 to %d), mean and std "
            "(three numbers, std "
            "above 0), and may have filter (bilinear, bicubic), channels (rgb, bgr, gray) and range (1, 255)",
            bad, PREPROCESS_MOST_SIDE);
    *out = read;
    return SHUNT_OK;
}

static void print_channels(const float values[3], char text[3][32])
{
    for (int c = 0; c < 3; c++) decimal_print((double)values[c], true, 1, text[c], 32);
}

void shunt_preprocess_print(const shunt_preprocess *p, char *text, size_t size)
{
    if (!p || !text) return;
    char mean[3][32], std[3][32];
    print_channels(p->mean, mean);
    print_channels(p->std, std);
    snprintf(text, size,
             "{\"resize\":%lld,\"crop\":%lld,\"mean\":[%s,%s,%s],\"std\":[%s,%s,%s],\"filter\":\"%s\","
             "\"channels\":\"%s\",\"range\":%s}",
             (long long)p->resize, (long long)p->crop, mean[0], mean[1], mean[2], std[0], std[1], std[2],
             p->filter == SHUNT_BICUBIC ? "bicubic" : "bilinear", preprocess_orders[p->channels],
             p->range == SHUNT_RANGE_255 ? "255" : "1");
}
