/* resize.c - antialiased resizing, bit for bit as Pillow does it on 8-bit pictures: a triangle or a cubic filter as wide as
 * the scale asks for, horizontally and then vertically, coefficients in fixed point, rounded to 8 bits in between. */
#include "runtime/data/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

enum { FRACTION = 22 }; /* bits of a coefficient; with 8 of a sample and the sign that fits 32 */

/* What each position of the result reads along one axis: `length` source positions from `first`. */
typedef struct tap {
    int32_t first, length;
} tap;

typedef struct filter {
    tap *taps;        /* one a result */
    int32_t *weights; /* `room` for each result */
    int32_t room;
} filter;

static void free_filter(filter *f)
{
    free(f->taps);
    free(f->weights);
}

static double triangle(double distance)
{
    return distance < 1 ? 1 - distance : 0;
}

/* Keys' cubic convolution with a = -1/2. */
static double cubic(double distance)
{
    const double a = -0.5, x = distance;
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

typedef struct kernel {
    double (*at)(double distance);
    double support; /* beyond it the kernel is 0 */
} kernel;

static const kernel kernels[] = {[SHUNT_BILINEAR] = {triangle, 1}, [SHUNT_BICUBIC] = {cubic, 2}};

/* Weights of the kernel around the result's centre in the source; they sum to 1. */
static void fill_tap(const kernel *by, int64_t src, double scale, int64_t i, tap *t, int32_t *weights, double *scratch)
{
    double width = scale < 1 ? 1 : scale, support = by->support * width;
    double centre = ((double)i + 0.5) * scale, sum = 0;
    int64_t first = (int64_t)(centre - support + 0.5), last = (int64_t)(centre + support + 0.5);
    if (first < 0) first = 0;
    if (last > src) last = src;
    for (int64_t k = first; k < last; k++) {
        scratch[k - first] = by->at(fabs(((double)k - centre + 0.5) * (1.0 / width)));
        sum += scratch[k - first];
    }
    for (int64_t k = 0; k < last - first; k++) {
        double weight = (sum != 0 ? scratch[k] / sum : 0) * (1 << FRACTION);
        weights[k] = (int32_t)(weight + (weight < 0 ? -0.5 : 0.5));
    }
    *t = (tap){(int32_t)first, (int32_t)(last - first)};
}

static shunt_status make_filter(const kernel *by, int64_t src, int64_t dst, filter *out)
{
    double scale = (double)src / (double)dst, support = by->support * (scale < 1 ? 1 : scale);
    out->room = (int32_t)ceil(support) * 2 + 1;
    out->taps = calloc((size_t)dst, sizeof *out->taps);
    out->weights = calloc((size_t)dst, (size_t)out->room * sizeof *out->weights);
    double *scratch = calloc((size_t)out->room, sizeof *scratch);
    if (!out->taps || !out->weights || !scratch) {
        free(scratch);
        free_filter(out);
        return error_memory();
    }
    for (int64_t i = 0; i < dst; i++) fill_tap(by, src, scale, i, &out->taps[i], out->weights + i * out->room, scratch);
    free(scratch);
    return SHUNT_OK;
}

static uint8_t to_byte(int32_t sum)
{
    sum >>= FRACTION;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* (H, W) -> (H, dst->width) */
static void resize_rows(const filter *f, const shunt_image *src, shunt_image *dst)
{
    for (int64_t y = 0; y < src->height; y++) {
        const uint8_t *row = src->rgb + y * src->width * 3;
        uint8_t *result = dst->rgb + y * dst->width * 3;
        for (int64_t x = 0; x < dst->width; x++) {
            const int32_t *weights = f->weights + x * f->room;
            const uint8_t *pixel = row + (size_t)f->taps[x].first * 3;
            int32_t sum[3] = {1 << (FRACTION - 1), 1 << (FRACTION - 1), 1 << (FRACTION - 1)};
            for (int32_t k = 0; k < f->taps[x].length; k++, pixel += 3)
                for (int c = 0; c < 3; c++) sum[c] += pixel[c] * weights[k];
            for (int c = 0; c < 3; c++) result[3 * x + c] = to_byte(sum[c]);
        }
    }
}

/* (H, W) -> (dst->height, W). sums: W * 3. */
static void resize_columns(const filter *f, const shunt_image *src, shunt_image *dst, int32_t *sums)
{
    int64_t row = src->width * 3;
    for (int64_t y = 0; y < dst->height; y++) {
        for (int64_t i = 0; i < row; i++) sums[i] = 1 << (FRACTION - 1);
        for (int32_t k = 0; k < f->taps[y].length; k++) {
            const uint8_t *pixels = src->rgb + (f->taps[y].first + k) * row;
            int32_t weight = f->weights[y * f->room + k];
            for (int64_t i = 0; i < row; i++) sums[i] += pixels[i] * weight;
        }
        for (int64_t i = 0; i < row; i++) dst->rgb[y * row + i] = to_byte(sums[i]);
    }
}

static shunt_status copy_image(const shunt_image *src, shunt_image *out)
{
    shunt_status status = image_alloc("resize", src->height, src->width, out);
    if (!status) memcpy(out->rgb, src->rgb, (size_t)src->height * (size_t)src->width * 3);
    return status;
}

static shunt_status to_width(const kernel *by, const shunt_image *src, int64_t width, shunt_image *out)
{
    shunt_status status = image_alloc("resize", src->height, width, out);
    if (status) return status;
    filter f;
    status = make_filter(by, src->width, width, &f);
    if (status) {
        shunt_image_free(out);
        return status;
    }
    resize_rows(&f, src, out);
    free_filter(&f);
    return SHUNT_OK;
}

static shunt_status to_height(const kernel *by, const shunt_image *src, int64_t height, shunt_image *out)
{
    shunt_status status = image_alloc("resize", height, src->width, out);
    if (status) return status;
    int32_t *sums = calloc((size_t)src->width * 3, sizeof *sums);
    filter f = {0};
    status = sums ? make_filter(by, src->height, height, &f) : error_memory();
    if (!status) {
        resize_columns(&f, src, out, sums);
        free_filter(&f);
    } else {
        shunt_image_free(out);
    }
    free(sums);
    return status;
}

shunt_status shunt_image_resize(const shunt_image *src, int64_t height, int64_t width, shunt_image *out)
{
    if (!src || !out) return error_null(__func__, "src, out");
    return shunt_image_resize_with(SHUNT_BILINEAR, src, height, width, out);
}

shunt_status shunt_image_resize_with(shunt_filter shape, const shunt_image *src, int64_t height, int64_t width,
                                     shunt_image *out)
{
    if (!src || !src->rgb || !out) return error_null(__func__, "src, its pixels, out");
    *out = (shunt_image){0};
    if (shape != SHUNT_BILINEAR && shape != SHUNT_BICUBIC)
        return error_fail(SHUNT_E_INVALID, "resize: no filter has number %d", (int)shape);
    const kernel *by = &kernels[shape];
    if (height < 1 || width < 1 || src->height < 1 || src->width < 1)
        return error_fail(SHUNT_E_INVALID, "resize: %lld x %lld pixels to %lld x %lld", (long long)src->width,
                          (long long)src->height, (long long)width, (long long)height);
    if (width == src->width) return height == src->height ? copy_image(src, out) : to_height(by, src, height, out);
    if (height == src->height) return to_width(by, src, width, out);
    shunt_image between;
    shunt_status status = to_width(by, src, width, &between);
    if (status) return status;
    status = to_height(by, &between, height, out);
    shunt_image_free(&between);
    return status;
}
