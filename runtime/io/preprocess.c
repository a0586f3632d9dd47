/* preprocess.c - a picture as a network wants it: torchvision's Resize(short side), CenterCrop, ToTensor, Normalize. */
#include "runtime/io/image.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

static const struct preset {
    const char *name;
    shunt_preprocess values;
} presets[] = {
    {"imagenet", {256, 224, {.485f, .456f, .406f}, {.229f, .224f, .225f}}},
    {"imagenet-v2", {232, 224, {.485f, .456f, .406f}, {.229f, .224f, .225f}}},
    {"cifar10", {32, 32, {.485f, .456f, .406f}, {.229f, .224f, .225f}}},
};

shunt_status shunt_preprocess_preset(const char *name, shunt_preprocess *out)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        if (strcmp(name, presets[i].name)) continue;
        *out = presets[i].values;
        return SHUNT_OK;
    }
    return shunt_fail(SHUNT_E_NOT_FOUND, "no preprocessing is called '%s'; there are imagenet, imagenet-v2, cifar10",
                      name);
}

/* The size that torchvision's Resize gives: short side to `side`, the long one in proportion, cut off to whole pixels. */
static shunt_status resize_short_side(const shunt_image *src, int64_t side, shunt_image *out)
{
    int64_t height = side, width = side;
    if (src->width < 1 || src->height < 1) return shunt_fail(SHUNT_E_INVALID, "an empty picture");
    if (src->width <= src->height)
        height = side * src->height / src->width;
    else
        width = side * src->width / src->height;
    return shunt_image_resize(src, height, width, out);
}

/* Half of a difference, rounded to the nearest, ties to even, as Python's round does in CenterCrop. */
static int64_t half(int64_t difference)
{
    int64_t down = difference / 2;
    return difference % 2 ? down + down % 2 : down;
}

/* Where the crop begins in the picture; negative where the picture is smaller and zeros come before it. */
static int64_t crop_begin(int64_t size, int64_t crop)
{
    return size >= crop ? half(size - crop) : -((crop - size) / 2);
}

/* dst: 3 x crop x crop, from the middle of the picture. */
static void crop_and_normalize(const shunt_preprocess *p, const shunt_image *src, float *dst)
{
    int64_t top = crop_begin(src->height, p->crop), left = crop_begin(src->width, p->crop);
    for (int c = 0; c < 3; c++) {
        float table[256];
        for (int v = 0; v < 256; v++) table[v] = ((float)v / 255.0f - p->mean[c]) / p->std[c];
        for (int64_t y = top; y < top + p->crop; y++) {
            for (int64_t x = left; x < left + p->crop; x++) {
                int inside = y >= 0 && y < src->height && x >= 0 && x < src->width;
                *dst++ = table[inside ? src->rgb[(y * src->width + x) * 3 + c] : 0];
            }
        }
    }
}

shunt_status shunt_preprocess_apply(const shunt_preprocess *preprocess, const shunt_image *image, float *dst)
{
    enum { MAX_SIDE = 1 << 14 };
    const shunt_preprocess *p = preprocess;
    if (p->resize < 1 || p->crop < 1 || p->resize > MAX_SIDE || p->crop > MAX_SIDE)
        return shunt_fail(SHUNT_E_INVALID, "preprocessing: resize %lld, crop %lld; both must be in 1 .. %d",
                          (long long)p->resize, (long long)p->crop, MAX_SIDE);
    for (int c = 0; c < 3; c++)
        if (!(p->std[c] > 0)) return shunt_fail(SHUNT_E_INVALID, "preprocessing: std[%d] is not positive", c);
    shunt_image resized;
    shunt_status status = resize_short_side(image, p->resize, &resized);
    if (status) return shunt_fail_context(status, "preprocessing");
    crop_and_normalize(p, &resized, dst);
    shunt_image_free(&resized);
    return SHUNT_OK;
}
