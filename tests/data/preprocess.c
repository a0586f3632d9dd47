/* preprocess.c - pictures resized and preprocessed as Pillow and torchvision do it, to the bit (golden data and the script that makes
 * it are in tests/golden); presets, and preprocessing as text. */
#include "runtime/base/random.h"
#include "runtime/data/image.h"
#include "tests/support/temporary.h"

#include <math.h>

#define IMAGES TEST_GOLDEN "/images/"

TestSuite(preprocess);

/* The same as formula() in tests/golden/images.py. */
static shunt_image formula(int64_t height, int64_t width)
{
    shunt_image image = {height, width, malloc((size_t)(height * width * 3))};
    for (int64_t y = 0, i = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) image.rgb[i++] = (uint8_t)((x * 7 + y * 13 + c * 50) ^ (x * y >> 3));
    return image;
}

/* FNV-1a, 64 bits. */
static unsigned long long hash(const void *data, size_t size)
{
    unsigned long long h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) h = (h ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
    return h;
}

Test(preprocess, resize)
{
    FILE *table = fopen(IMAGES "resize.txt", "r");
    cr_assert(table);
    long sh, sw, h, w;
    unsigned long long expected;
    int rows = 0;
    for (; fscanf(table, "%ld %ld %ld %ld %llx", &sh, &sw, &h, &w, &expected) == 5; rows++) {
        shunt_image src = formula(sh, sw), dst;
        cr_assert_eq(shunt_image_resize(&src, h, w, &dst), SHUNT_OK);
        cr_assert(dst.height == h && dst.width == w);
        cr_assert_eq(hash(dst.rgb, (size_t)(h * w * 3)), expected, "%ldx%ld to %ldx%ld", sh, sw, h, w);
        shunt_image_free(&src);
        shunt_image_free(&dst);
    }
    fclose(table);
    cr_assert_eq(rows, 13);
}

Test(preprocess, resize_refuses)
{
    shunt_image src = formula(4, 4), dst;
    cr_assert_eq(shunt_image_resize(&src, 0, 4, &dst), SHUNT_E_INVALID);
    cr_assert_null(dst.rgb);
    cr_assert_eq(shunt_image_resize(&src, 1 << 20, 1 << 20, &dst), SHUNT_E_INVALID);
    expect_message("resize", "over the limit of 268435456");
    cr_assert_eq(shunt_image_resize(&src, 4, INT64_MAX, &dst), SHUNT_E_INVALID);
    shunt_image_free(&src);
    cr_assert_eq(shunt_image_resize(&src, 4, 4, &dst), SHUNT_E_INVALID);
}

Test(preprocess, preprocess)
{
    FILE *table = fopen(IMAGES "preprocess.txt", "r");
    cr_assert(table);
    long sh, sw, resize, crop;
    shunt_preprocess p = {0};
    unsigned long long expected;
    double mean_abs;
    int rows = 0;
    for (; fscanf(table, "%ld %ld %ld %ld %f %f %f %f %f %f %llx %lf", &sh, &sw, &resize, &crop, &p.mean[0], &p.mean[1],
                  &p.mean[2], &p.std[0], &p.std[1], &p.std[2], &expected, &mean_abs) == 12;
         rows++) {
        p.resize = resize;
        p.crop = crop;
        shunt_image src = formula(sh, sw);
        size_t count = (size_t)(3 * crop * crop);
        float *dst = malloc(count * sizeof *dst);
        cr_assert_eq(shunt_preprocess_apply(&p, &src, dst), SHUNT_OK, "%s", shunt_last_error());
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += fabs((double)dst[i]);
        cr_assert_float_eq(sum / (double)count, mean_abs, 1e-6, "%ldx%ld: %g, not %g", sh, sw, sum / (double)count,
                           mean_abs);
        cr_assert_eq(hash(dst, count * sizeof *dst), expected, "%ldx%ld resize %ld crop %ld", sh, sw, resize, crop);
        free(dst);
        shunt_image_free(&src);
    }
    fclose(table);
    cr_assert_eq(rows, 10);
}

/* Means, deviations, channel orders and ranges as torchvision applies them, set field by field. */
Test(preprocess, normalisation)
{
    FILE *table = fopen(IMAGES "normalisation.txt", "r");
    cr_assert(table);
    long sh, sw;
    char fields[200];
    unsigned long long expected;
    double mean;
    int rows = 0;
    for (; fscanf(table, "%ld %ld %199s %llx %lf", &sh, &sw, fields, &expected, &mean) == 5; rows++) {
        shunt_preprocess p = {0};
        char copy[200], *rest = strcpy(copy, fields);
        for (char *field; (field = strtok_r(rest, ";", &rest));) {
            char *value = strchr(field, '=');
            *value++ = '\0';
            cr_assert_eq(shunt_preprocess_set(&p, field, value), SHUNT_OK, "%s", shunt_last_error());
        }
        shunt_image src = formula(sh, sw);
        size_t count = (size_t)(3 * p.crop * p.crop);
        float *dst = malloc(count * sizeof *dst);
        cr_assert_eq(shunt_preprocess_apply(&p, &src, dst), SHUNT_OK, "%s", shunt_last_error());
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += (double)dst[i];
        cr_expect_float_eq(sum / (double)count, mean, 1e-6 * fmax(1, fabs(mean)), "%s: %g, not %g", fields,
                           sum / (double)count, mean);
        cr_expect_eq(hash(dst, count * sizeof *dst), expected, "%ldx%ld %s", sh, sw, fields);
        free(dst);
        shunt_image_free(&src);
    }
    fclose(table);
    cr_assert_eq(rows, 24);
}

/* As text and back; what cannot be is refused and changes nothing. */
Test(preprocess, preprocessing_as_text)
{
    shunt_preprocess p = {0}, q;
    char text[SHUNT_PREPROCESS_TEXT];
    static const char *const bad[][2] = {
        {"resize", "0"},  {"resize", "3.5"},   {"crop", "16385"}, {"crop", "32x"},      {"mean", "1,2"},
        {"mean", "nan"},  {"mean", "1,2,3,4"}, {"mean", "1,2,"},  {"std", "0"},         {"std", "0.2,-1,0.2"},
        {"range", "2"},   {"channels", "rbg"}, {"filter", ""},    {"preset", "cifar1"}, {"colour", "rgb"},
        {"std", "1e-99"}, {"mean", "1;2;3"},   {"mean", "1e99"},  {"resize", ""}};
    cr_assert_eq(shunt_preprocess_preset("caffe", &p), SHUNT_OK);
    cr_expect_str_eq(shunt_preprocess_name(&p), "caffe");
    p.mean[1] = 1.0f / 3, p.std[2] = 0.1f, p.filter = SHUNT_BICUBIC;
    cr_expect_null(shunt_preprocess_name(&p));
    shunt_preprocess_print(&p, text, sizeof text);
    cr_expect_str_eq(text, "{\"resize\":256,\"crop\":224,\"mean\":[104,0.33333334,123],\"std\":[1,1,0.1],"
                           "\"filter\":\"bicubic\",\"channels\":\"bgr\",\"range\":255}");
    cr_assert_eq(shunt_preprocess_parse(text, &q), SHUNT_OK, "%s", shunt_last_error());
    cr_expect(!memcmp(&q, &p, sizeof p));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_neq(shunt_preprocess_set(&q, bad[i][0], bad[i][1]), SHUNT_OK, "%s=%s", bad[i][0], bad[i][1]);
        expect_message("", i == 14 || !*bad[i][1] ? bad[i][0] : bad[i][1]);
    }
    cr_expect(!memcmp(&q, &p, sizeof p));
}

Test(preprocess, views)
{
    FILE *table = fopen(IMAGES "views.txt", "r");
    cr_assert(table);
    long sh, sw, resize, crop, n, h, w;
    int crops, filter, rows = 0;
    shunt_preprocess p = {0};
    unsigned long long expected;
    double mean_abs;
    cr_assert_eq(shunt_preprocess_preset("imagenet", &p), SHUNT_OK);
    for (; fscanf(table, "%ld %ld %ld %ld %d %d %ld %ld %ld %llx %lf", &sh, &sw, &resize, &crop, &crops, &filter, &n,
                  &h, &w, &expected, &mean_abs) == 11;
         rows++) {
        p.resize = resize;
        p.crop = crop;
        p.filter = (shunt_filter)filter;
        shunt_image src = formula(sh, sw);
        shunt_views views;
        cr_assert_eq(shunt_preprocess_views(&p, (shunt_crops)crops, &src, &views), SHUNT_OK, "%s", shunt_last_error());
        cr_assert(views.count == n && views.height == h && views.width == w);
        size_t count = (size_t)(3 * n * h * w);
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += fabs((double)views.data[i]);
        cr_assert_float_eq(sum / (double)count, mean_abs, 1e-6, "row %d: %g, not %g", rows, sum / (double)count,
                           mean_abs);
        cr_assert_eq(hash(views.data, count * sizeof *views.data), expected, "row %d", rows);
        shunt_views_free(&views);
        shunt_image_free(&src);
    }
    fclose(table);
    cr_assert_eq(rows, 10);
    shunt_image src = formula(4, 4);
    shunt_views views;
    p.resize = 20, p.crop = 21;
    cr_assert_eq(shunt_preprocess_views(&p, SHUNT_CROP_TEN, &src, &views), SHUNT_E_INVALID);
    expect_message("ten crops of 21", "it is 20");
    cr_assert_null(views.data);
    shunt_image_free(&src);
}

Test(preprocess, presets)
{
    shunt_preprocess p;
    cr_assert_eq(shunt_preprocess_preset("imagenet", &p), SHUNT_OK);
    cr_assert(p.resize == 256 && p.crop == 224 && p.mean[0] == .485f && p.std[2] == .225f);
    cr_assert_eq(shunt_preprocess_preset("imagenet-v2", &p), SHUNT_OK);
    cr_assert(p.resize == 232 && p.crop == 224 && p.filter == SHUNT_BILINEAR);
    cr_assert_eq(shunt_preprocess_preset("timm", &p), SHUNT_OK);
    cr_assert(p.resize == (int)(224 / 0.95) && p.crop == 224 && p.filter == SHUNT_BICUBIC);
    cr_assert_eq(shunt_preprocess_preset("timm-288", &p), SHUNT_OK);
    cr_assert(p.resize == 288 && p.crop == 288 && p.filter == SHUNT_BICUBIC);
    cr_assert_eq(shunt_preprocess_preset("cifar10", &p), SHUNT_OK);
    cr_assert(p.resize == 32 && p.crop == 32);
    cr_assert_eq(shunt_preprocess_preset("mnist", &p), SHUNT_E_NOT_FOUND);
    expect_message("'mnist'", "imagenet-v2, timm, timm-288, segmentation, segmentation-small, detection, caffe, cifar10, cifar10-kuangliu");
    shunt_image src = formula(8, 8), empty = {0};
    float dst[3 * 32 * 32];
    cr_assert_eq(shunt_preprocess_apply(&p, &empty, dst), SHUNT_E_INVALID);
    p.std[1] = 0;
    cr_assert_eq(shunt_preprocess_apply(&p, &src, dst), SHUNT_E_INVALID);
    expect_message("preprocessing", "std[1] is not positive");
    p.std[1] = 1;
    p.crop = 0;
    cr_assert_eq(shunt_preprocess_apply(&p, &src, dst), SHUNT_E_INVALID);
    expect_message("preprocessing", "crop 0");
    shunt_image_free(&src);
}
