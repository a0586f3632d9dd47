/* ppm.c - PGM and PPM, plain (P2, P3) and raw (P5, P6), of any maxval; samples are scaled to 0 .. 255. */
#include "runtime/data/image.h"

#include <math.h>
#include <stdbool.h>

#include "runtime/base/error.h"

typedef struct reader {
    const uint8_t *at, *end;
    const char *name;
} reader;

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* White space and comments, which last from # to the end of the line. */
static void skip_space(reader *in)
{
    bool comment = false;
    while (in->at < in->end && (comment || *in->at == '#' || is_space(*in->at))) {
        comment = *in->at == '#' || (comment && *in->at != '\n');
        in->at++;
    }
}

/* The next number, in 0 .. limit. */
static shunt_status read_number(reader *in, const char *what, int64_t limit, int64_t *out)
{
    skip_space(in);
    if (in->at == in->end) return error_fail(SHUNT_E_INVALID, "%s: the file is cut off before %s", in->name, what);
    if (*in->at < '0' || *in->at > '9') return error_fail(SHUNT_E_INVALID, "%s: %s is not a number", in->name, what);
    int64_t value = 0;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
        value = value * 10 + (*in->at - '0');
        if (value > limit) return error_fail(SHUNT_E_INVALID, "%s: %s is over %lld", in->name, what, (long long)limit);
    }
    *out = value;
    return SHUNT_OK;
}

static shunt_status read_raw(reader *in, int64_t maxval, int64_t *out)
{
    int64_t value = *in->at++;
    if (maxval > 255) value = value << 8 | *in->at++;
    if (value > maxval) return error_fail(SHUNT_E_INVALID, "%s: a sample is over %lld", in->name, (long long)maxval);
    *out = value;
    return SHUNT_OK;
}

static shunt_status read_samples(reader *in, bool raw, int channels, int64_t maxval, shunt_image *out)
{
    size_t pixels = (size_t)out->height * (size_t)out->width;
    for (size_t i = 0; i < pixels; i++) {
        uint8_t *rgb = out->rgb + 3 * i;
        for (int c = 0; c < channels; c++) {
            int64_t value = 0;
            shunt_status status = raw ? read_raw(in, maxval, &value) : read_number(in, "a sample", maxval, &value);
            if (status) return status;
            rgb[c] = (uint8_t)lrint((double)value / (double)maxval * 255.0);
        }
        if (channels == 1) rgb[1] = rgb[2] = rgb[0];
    }
    return SHUNT_OK;
}

/* Checks that the file is long enough for the picture, before memory is taken for it. A plain sample has at least a digit and
 * a space; the last one needs no space. */
static shunt_status check_length(const reader *in, bool raw, int channels, int64_t maxval, int64_t height,
                                 int64_t width)
{
    shunt_status status = image_check(in->name, height, width);
    if (status) return status;
    size_t samples = (size_t)height * (size_t)width * (size_t)channels, left = (size_t)(in->end - in->at);
    size_t bytes = raw ? samples * (maxval > 255 ? 2 : 1) : samples * 2 - 1;
    if (left >= bytes) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "%s: the file is cut off: %zu bytes of samples, expected %s%zu", in->name, left,
                      raw ? "" : "at least ", bytes);
}

shunt_status image_decode_ppm(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out)
{
    *out = (shunt_image){0};
    reader in = {bytes + 2, bytes + nbytes, name};
    bool raw = bytes[1] >= '5';
    int channels = bytes[1] == '3' || bytes[1] == '6' ? 3 : 1;
    int64_t width = 0, height = 0, maxval = 0;
    shunt_status status = read_number(&in, "the width", INT32_MAX, &width);
    if (!status) status = read_number(&in, "the height", INT32_MAX, &height);
    if (!status) status = read_number(&in, "the largest sample value", 65535, &maxval);
    if (!status && maxval == 0) status = error_fail(SHUNT_E_INVALID, "%s: the largest sample value is 0", name);
    if (!status && in.at < in.end) in.at++; /* the one separator before raw samples */
    if (!status) status = check_length(&in, raw, channels, maxval, height, width);
    if (!status) status = image_alloc(name, height, width, out);
    if (status) return status;
    status = read_samples(&in, raw, channels, maxval, out);
    if (status) shunt_image_free(out);
    return status;
}
