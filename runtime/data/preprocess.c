/* preprocess.c - a picture as a network expects it: torchvision's Resize(short side), CenterCrop, ToTensor, Normalize. */
#include "runtime/data/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

int64_t shunt_preprocess_planes(const shunt_preprocess *preprocess)
{
    if (!preprocess) return 0;
    return preprocess->channels == SHUNT_GRAY ? 1 : 3;
}

/* As Pillow's convert("L"), which comes before the resizing: ITU-R 601's weights, 16 bits behind the point. All three channels
 * become that. */
static shunt_status make_gray(const shunt_image *src, shunt_image *out)
{
    const size_t pixels = (size_t)src->height * (size_t)src->width;
    *out = (shunt_image){src->height, src->width, malloc(3 * pixels)};
    if (!out->rgb) return error_memory();
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *from = src->rgb + 3 * i;
        const uint32_t sum = 19595u * from[0] + 38470u * from[1] + 7471u * from[2] + 0x8000u;
        memset(out->rgb + 3 * i, (int)(sum >> 16), 3);
    }
    return SHUNT_OK;
}

shunt_status preprocess_size(const shunt_preprocess *preprocess, int64_t *height, int64_t *width)
{
    const int64_t side = preprocess->resize, h = *height, w = *width;
    if (w < 1 || h < 1) return error_fail(SHUNT_E_INVALID, "preprocessing: an empty picture");
    *height = w <= h ? side * h / w : side;
    *width = w <= h ? side : side * w / h;
    return SHUNT_OK;
}

shunt_status preprocess_resize(const shunt_preprocess *preprocess, const shunt_image *src, shunt_image *out)
{
    int64_t height = src->height, width = src->width;
    shunt_image gray = {0};
    shunt_status status = preprocess_size(preprocess, &height, &width);
    if (!status && preprocess->channels == SHUNT_GRAY) status = make_gray(src, &gray);
    if (!status) status = shunt_image_resize_with(preprocess->filter, gray.rgb ? &gray : src, height, width, out);
    shunt_image_free(&gray);
    return status ? error_context(status, "preprocessing") : SHUNT_OK;
}

/* Half of a difference, rounded to the nearest, ties to even, as Python's round does in CenterCrop. */
static int64_t half(int64_t difference)
{
    int64_t down = difference / 2;
    return difference % 2 ? down + down % 2 : down;
}

int64_t preprocess_crop_begin(int64_t size, int64_t crop)
{
    return size >= crop ? half(size - crop) : -((crop - size) / 2);
}

/* dst: planes x height x width, from (top, left) on. */
static void normalize(const shunt_preprocess *p, const shunt_image *src, int64_t top, int64_t left, int64_t height,
                      int64_t width, int mirrored, float *dst)
{
    const float divisor = p->range == SHUNT_RANGE_255 ? 1.0f : 255.0f;
    for (int c = 0; c < (int)shunt_preprocess_planes(p); c++) {
        const int from = p->channels == SHUNT_BGR ? 2 - c : c;
        float table[256];
        for (int v = 0; v < 256; v++) table[v] = ((float)v / divisor - p->mean[c]) / p->std[c];
        for (int64_t y = top; y < top + height; y++) {
            for (int64_t i = 0; i < width; i++) {
                int64_t x = left + (mirrored ? width - 1 - i : i);
                int inside = y >= 0 && y < src->height && x >= 0 && x < src->width;
                *dst++ = table[inside ? src->rgb[(y * src->width + x) * 3 + from] : 0];
            }
        }
    }
}

void preprocess_crop(const shunt_preprocess *p, const shunt_image *src, int64_t top, int64_t left, int mirrored,
                     float *dst)
{
    normalize(p, src, top, left, p->crop, p->crop, mirrored, dst);
}

shunt_status preprocess_check(const shunt_preprocess *p)
{
    if (p->resize < 1 || p->crop < 1 || p->resize > PREPROCESS_MOST_SIDE || p->crop > PREPROCESS_MOST_SIDE)
        return error_fail(SHUNT_E_INVALID, "preprocessing: resize %lld, crop %lld; both must be in 1 .. %d",
                          (long long)p->resize, (long long)p->crop, PREPROCESS_MOST_SIDE);
    for (int c = 0; c < 3; c++)
        if (!(p->std[c] > 0) || !isfinite(p->std[c]) || !isfinite(p->mean[c]))
            return error_fail(SHUNT_E_INVALID, "preprocessing: std[%d] is not positive, or a number is not finite", c);
    if (p->filter > SHUNT_BICUBIC || p->channels > SHUNT_GRAY || p->range > SHUNT_RANGE_255)
        return error_fail(SHUNT_E_INVALID, "preprocessing: filter, channels or range has an unknown value");
    return SHUNT_OK;
}

static void crop_centre(const shunt_preprocess *p, const shunt_image *src, float *dst)
{
    preprocess_crop(p, src, preprocess_crop_begin(src->height, p->crop), preprocess_crop_begin(src->width, p->crop), 0,
                    dst);
}

shunt_status shunt_preprocess_apply(const shunt_preprocess *preprocess, const shunt_image *image, float *dst)
{
    if (!preprocess || !image || !dst) return error_null(__func__, "preprocess, image, dst");
    shunt_image resized;
    shunt_status status = preprocess_check(preprocess);
    if (!status) status = preprocess_resize(preprocess, image, &resized);
    if (status) return status;
    crop_centre(preprocess, &resized, dst);
    shunt_image_free(&resized);
    return SHUNT_OK;
}

/* ---- Several views of a picture -------------------------------------------------------------------------------- */

/* The corners and the centre; then those of the mirrored picture, whose left is the picture's right. */
static void crop_ten(const shunt_preprocess *p, const shunt_image *src, float *dst)
{
    const int64_t bottom = src->height - p->crop, right = src->width - p->crop, middle = half(right);
    const int64_t tops[] = {0, 0, bottom, bottom, half(bottom)}, lefts[] = {0, right, 0, right, middle};
    for (int mirrored = 0; mirrored < 2; mirrored++)
        for (int i = 0; i < 5; i++, dst += shunt_preprocess_planes(p) * p->crop * p->crop)
            preprocess_crop(p, src, tops[i], mirrored ? right - lefts[i] : lefts[i], mirrored, dst);
}

shunt_status shunt_preprocess_views(const shunt_preprocess *p, shunt_crops crops, const shunt_image *image,
                                    shunt_views *out)
{
    if (!p || !image || !out) return error_null(__func__, "preprocess, image, out");
    shunt_image resized = {0};
    *out = (shunt_views){0};
    shunt_status status = preprocess_check(p);
    if (!status && crops == SHUNT_CROP_TEN && p->resize < p->crop)
        status = error_fail(SHUNT_E_INVALID, "ten crops of %lld pixels need a short side of at least that; it is %lld",
                            (long long)p->crop, (long long)p->resize);
    if (!status) status = preprocess_resize(p, image, &resized);
    if (status) return status;
    *out = (shunt_views){.count = crops == SHUNT_CROP_TEN ? 10 : 1, .height = p->crop, .width = p->crop};
    if (crops == SHUNT_CROP_WHOLE) out->height = resized.height, out->width = resized.width;
    /* at most 10 x 2^14 x 2^14, or the picture's 2^28 pixels */
    out->data =
        calloc((size_t)(out->count * out->height * out->width), (size_t)shunt_preprocess_planes(p) * sizeof *out->data);
    if (!out->data)
        status = error_memory();
    else if (crops == SHUNT_CROP_TEN)
        crop_ten(p, &resized, out->data);
    else if (crops == SHUNT_CROP_WHOLE)
        normalize(p, &resized, 0, 0, out->height, out->width, 0, out->data);
    else
        crop_centre(p, &resized, out->data);
    shunt_image_free(&resized);
    return status;
}

void shunt_views_free(shunt_views *views)
{
    if (!views) return;
    free(views->data);
    *views = (shunt_views){0};
}
