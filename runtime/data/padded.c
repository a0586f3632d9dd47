/* padded.c - torchvision's GeneralizedRCNNTransform. */
#include "runtime/data/padded.h"
#include "runtime/base/error.h"

#include <math.h>
#include <shunt/resize.h>
#include <stdlib.h>
#include <string.h>

enum { MULTIPLE = 32, MOST_SIDE = 1 << 14 };

static int64_t pad(int64_t side)
{
    return (side + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
}

/* In float32, as a reciprocal and a product: with other roundings some pictures would be a pixel smaller or larger. */
static float scale_to(int64_t wanted, int64_t side)
{
    const float reciprocal = 1 / (float)side;
    return reciprocal * (float)wanted;
}

shunt_status padded_frame_of(const shunt_image *image, int64_t shortest, int64_t longest, padded_frame *out)
{
    const int64_t height = image->height, width = image->width;
    if (height < 1 || width < 1) return error_fail(SHUNT_E_INVALID, "an empty picture");
    if (shortest < 1 || longest < 1 || shortest > MOST_SIDE || longest > MOST_SIDE)
        return error_fail(SHUNT_E_INVALID, "sides of %lld and %lld; both must be in 1 .. %d", (long long)shortest,
                          (long long)longest, MOST_SIDE);
    const float scale =
        fminf(scale_to(shortest, height < width ? height : width), scale_to(longest, height < width ? width : height));
    *out = (padded_frame){
        .picture = {height, width},
        .resized = {(int64_t)((double)height * (double)scale), (int64_t)((double)width * (double)scale)}};
    if (!out->resized[0] || !out->resized[1])
        return error_fail(SHUNT_E_INVALID,
                          "a picture of %lld x %lld pixels is too narrow: nothing is left of it at %lld",
                          (long long)width, (long long)height, (long long)longest);
    for (int i = 0; i < 2; i++) out->padded[i] = pad(out->resized[i]);
    return SHUNT_OK;
}

/* One channel: each byte becomes table[byte], and between pixels they are mixed (bilinear). */
static void fill_plane(const padded_frame *frame, const shunt_image *image, int channel, const float table[256],
                       const shunt_resize_tap *columns, float *dst)
{
    const shunt_resize_attr bilinear = {.filter = SHUNT_RESIZE_BILINEAR, .coordinates = SHUNT_RESIZE_HALF_PIXEL};
    for (int64_t y = 0; y < frame->resized[0]; y++) {
        const shunt_resize_tap row = shunt_resize_tap_at(&bilinear, 0, image->height, frame->resized[0], y);
        const uint8_t *upper = image->rgb + row.index[0] * image->width * 3 + channel;
        const uint8_t *lower = image->rgb + row.index[1] * image->width * 3 + channel;
        for (int64_t x = 0; x < frame->resized[1]; x++) {
            const int64_t left = 3 * columns[x].index[0], right = 3 * columns[x].index[1];
            const double a = columns[x].weight[0], b = columns[x].weight[1];
            const double above = a * (double)table[upper[left]] + b * (double)table[upper[right]];
            const double below = a * (double)table[lower[left]] + b * (double)table[lower[right]];
            dst[y * frame->padded[1] + x] = (float)(row.weight[0] * above + row.weight[1] * below);
        }
    }
}

shunt_status padded_fill(const padded_frame *frame, const shunt_preprocess *p, const shunt_image *image, float *dst)
{
    const shunt_resize_attr bilinear = {.filter = SHUNT_RESIZE_BILINEAR, .coordinates = SHUNT_RESIZE_HALF_PIXEL};
    const float divisor = p->range == SHUNT_RANGE_255 ? 1.0f : 255.0f;
    const int64_t plane = frame->padded[0] * frame->padded[1];
    shunt_resize_tap *columns = reallocarray(NULL, (size_t)frame->resized[1], sizeof *columns);
    if (!columns) return error_memory();
    for (int64_t x = 0; x < frame->resized[1]; x++)
        columns[x] = shunt_resize_tap_at(&bilinear, 1, image->width, frame->resized[1], x);
    memset(dst, 0, 3 * (size_t)plane * sizeof *dst);
    for (int c = 0; c < 3; c++) {
        float table[256];
        for (int v = 0; v < 256; v++) table[v] = ((float)v / divisor - p->mean[c]) / p->std[c];
        fill_plane(frame, image, p->channels == SHUNT_BGR ? 2 - c : c, table, columns, dst + c * plane);
    }
    free(columns);
    return SHUNT_OK;
}
