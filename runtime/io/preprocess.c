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
shunt_status shunt_preprocess_resize(const shunt_preprocess *preprocess, const shunt_image *src, shunt_image *out)
{
    int64_t side = preprocess->resize, height = side, width = side;
    if (src->width < 1 || src->height < 1) return shunt_fail(SHUNT_E_INVALID, "preprocessing: an empty picture");
    if (src->width <= src->height)
        height = side * src->height / src->width;
    else
        width = side * src->width / src->height;
    shunt_status status = shunt_image_resize(src, height, width, out);
    return status ? shunt_fail_context(status, "preprocessing") : SHUNT_OK;
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

void shunt_preprocess_crop(const shunt_preprocess *p, const shunt_image *src, int64_t top, int64_t left, int mirrored,
                           float *dst)
{
    for (int c = 0; c < 3; c++) {
        float table[256];
        for (int v = 0; v < 256; v++) table[v] = ((float)v / 255.0f - p->mean[c]) / p->std[c];
        for (int64_t y = top; y < top + p->crop; y++) {
            for (int64_t i = 0; i < p->crop; i++) {
                int64_t x = left + (mirrored ? p->crop - 1 - i : i);
                int inside = y >= 0 && y < src->height && x >= 0 && x < src->width;
                *dst++ = table[inside ? src->rgb[(y * src->width + x) * 3 + c] : 0];
            }
        }
    }
}

shunt_status shunt_preprocess_check(const shunt_preprocess *p)
{
    enum { MAX_SIDE = 1 << 14 };
    if (p->resize < 1 || p->crop < 1 || p->resize > MAX_SIDE || p->crop > MAX_SIDE)
        return shunt_fail(SHUNT_E_INVALID, "preprocessing: resize %lld, crop %lld; both must be in 1 .. %d",
                          (long long)p->resize, (long long)p->crop, MAX_SIDE);
    for (int c = 0; c < 3; c++)
        if (!(p->std[c] > 0)) return shunt_fail(SHUNT_E_INVALID, "preprocessing: std[%d] is not positive", c);
    return SHUNT_OK;
}

shunt_status shunt_preprocess_apply(const shunt_preprocess *preprocess, const shunt_image *image, float *dst)
{
    const shunt_preprocess *p = preprocess;
    shunt_image resized;
    shunt_status status = shunt_preprocess_check(p);
    if (!status) status = shunt_preprocess_resize(p, image, &resized);
    if (status) return status;
    shunt_preprocess_crop(p, &resized, crop_begin(resized.height, p->crop), crop_begin(resized.width, p->crop), 0, dst);
    shunt_image_free(&resized);
    return SHUNT_OK;
}
