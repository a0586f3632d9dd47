/* preset.c - preprocessing by names: of whole presets, and of fields with their values as texts. */
#include "runtime/data/image.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/error.h"
#include "runtime/base/decimal.h"

#define IMAGENET                                                                                                       \
    {.485f, .456f, .406f},                                                                                             \
    {                                                                                                                  \
        .229f, .224f, .225f                                                                                            \
    }

static const struct preset {
    const char *name;
    shunt_preprocess values; /* resize 0: it says nothing of size and filter */
} presets[] = {
    {"imagenet", {256, 224, IMAGENET}},
    {"imagenet-v2", {232, 224, IMAGENET}},
    {"timm", {235, 224, IMAGENET, SHUNT_BICUBIC}},
    {"timm-288", {288, 288, IMAGENET, SHUNT_BICUBIC}},
    {"segmentation", {520, 520, IMAGENET}},
    {"segmentation-small", {128, 128, IMAGENET}},
    {"detection", {800, 800, IMAGENET}},
    /* the mean picture of Caffe's own networks, as one number a channel: bvlc_reference_caffenet's deploy files */
    {"caffe", {256, 224, {104, 117, 123}, {1, 1, 1}, SHUNT_BILINEAR, SHUNT_BGR, SHUNT_RANGE_255}},
    {"cifar10", {32, 32, IMAGENET}},
    {"cifar10-kuangliu", {32, 32, {.4914f, .4822f, .4465f}, {.2023f, .1994f, .2010f}}},
    {"cifar10-exact", {32, 32, {.4914f, .4822f, .4465f}, {.2470f, .2435f, .2616f}}},
    {"cifar100", {32, 32, {.5071f, .4867f, .4408f}, {.2675f, .2565f, .2761f}}},
    {"half", {0, 0, {.5f, .5f, .5f}, {.5f, .5f, .5f}}},
    {"unit", {0, 0, {0, 0, 0}, {1, 1, 1}}},
    {"raw", {0, 0, {0, 0, 0}, {1, 1, 1}, SHUNT_BILINEAR, SHUNT_RGB, SHUNT_RANGE_255}},
};
enum { NPRESETS = sizeof presets / sizeof *presets };

static const char *const filters[] = {[SHUNT_BILINEAR] = "bilinear", [SHUNT_BICUBIC] = "bicubic", NULL};
const char *const preprocess_orders[] = {[SHUNT_RGB] = "rgb", [SHUNT_BGR] = "bgr", [SHUNT_GRAY] = "gray", NULL};
static const char *const ranges[] = {[SHUNT_RANGE_1] = "1", [SHUNT_RANGE_255] = "255", NULL};

bool preprocess_same(const shunt_preprocess *a, const shunt_preprocess *b)
{
    bool same = a->resize == b->resize && a->crop == b->crop && a->filter == b->filter && a->channels == b->channels &&
                a->range == b->range;
    for (int c = 0; c < 3; c++) same = same && a->mean[c] == b->mean[c] && a->std[c] == b->std[c];
    return same;
}

/* What *out becomes by a preset. */
static shunt_preprocess apply(const struct preset *preset, const shunt_preprocess *out)
{
    shunt_preprocess made = preset->values;
    if (made.resize) return made;
    made.resize = out->resize;
    made.crop = out->crop;
    made.filter = out->filter;
    return made;
}

shunt_status shunt_preprocess_preset(const char *name, shunt_preprocess *out)
{
    if (!name || !out) return error_null(__func__, "name, out");
    char list[256] = "";
    for (size_t i = 0; i < NPRESETS; i++) {
        if (!strcmp(name, presets[i].name)) {
            *out = apply(&presets[i], out);
            return SHUNT_OK;
        }
        if (i) strncat(list, ", ", sizeof list - strlen(list) - 1);
        strncat(list, presets[i].name, sizeof list - strlen(list) - 1);
    }
    return error_fail(SHUNT_E_NOT_FOUND, "no preprocessing is called '%.80s'; there are %s", name, list);
}

const char *shunt_preprocess_name(const shunt_preprocess *preprocess)
{
    if (!preprocess) return NULL;
    for (size_t i = 0; i < NPRESETS; i++) {
        shunt_preprocess made = apply(&presets[i], preprocess);
        if (preprocess_same(&made, preprocess)) return presets[i].name;
    }
    return NULL;
}

/* ---- Fields as texts --------------------------------------------------------------------------------------------- */

static shunt_status read_side(const char *field, const char *text, int64_t *out)
{
    char *end;
    double value = decimal_read(text, &end);
    if (end == text || *end || !(value >= 1) || value > PREPROCESS_MOST_SIDE || value != floor(value))
        return error_fail(SHUNT_E_INVALID, "%s '%.80s' is not a whole number from 1 to %d", field, text,
                          PREPROCESS_MOST_SIDE);
    *out = (int64_t)value;
    return SHUNT_OK;
}

/* Three numbers, or one for all channels. */
static shunt_status read_channels(const char *field, const char *text, bool positive, float out[3])
{
    float numbers[3];
    const char *at = text;
    int count = 0;
    bool good = true;
    while (good && count < 3) {
        char *end;
        numbers[count] = (float)decimal_read(at, &end);
        good = end != at && isfinite(numbers[count]) && (!positive || numbers[count] > 0);
        at = end;
        count++;
        if (*at != ',') break;
        good = good && count < 3;
        at++;
    }
    if (!good || *at || count == 2)
        return error_fail(SHUNT_E_INVALID, "%s '%.80s' is not one number or three separated by commas%s, such as %s",
                          field, text, positive ? ", all above 0" : "",
                          positive ? "0.229,0.224,0.225" : "0.485,0.456,0.406");
    for (int c = 0; c < 3; c++) out[c] = numbers[count == 1 ? 0 : c];
    return SHUNT_OK;
}

static shunt_status read_choice(const char *field, const char *text, const char *const *choices, int *out)
{
    for (int i = 0; choices[i]; i++)
        if (!strcasecmp(text, choices[i])) {
            *out = i;
            return SHUNT_OK;
        }
    return error_fail(SHUNT_E_INVALID, "%s '%.80s' is neither %s nor %s", field, text, choices[0], choices[1]);
}

shunt_status shunt_preprocess_set(shunt_preprocess *out, const char *field, const char *text)
{
    if (!out || !field || !text) return error_null(__func__, "out, field, text");
    int choice = 0;
    shunt_status status;
    if (!strcmp(field, "preset")) return shunt_preprocess_preset(text, out);
    if (!strcmp(field, "resize")) return read_side(field, text, &out->resize);
    if (!strcmp(field, "crop")) return read_side(field, text, &out->crop);
    if (!strcmp(field, "mean")) return read_channels(field, text, false, out->mean);
    if (!strcmp(field, "std")) return read_channels(field, text, true, out->std);
    if (!strcmp(field, "filter")) {
        if (!(status = read_choice(field, text, filters, &choice))) out->filter = (shunt_filter)choice;
        return status;
    }
    if (!strcmp(field, "channels")) {
        if (!(status = read_choice(field, text, preprocess_orders, &choice))) out->channels = (shunt_channels)choice;
        return status;
    }
    if (!strcmp(field, "range")) {
        if (!(status = read_choice(field, text, ranges, &choice))) out->range = (shunt_range)choice;
        return status;
    }
    return error_fail(SHUNT_E_NOT_FOUND, "preprocessing has no field '%.80s'", field);
}
