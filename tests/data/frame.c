/* frame.c - pictures in memory: every order of bytes and every stride against the same pixels written out one by one; YUV against
 * the definitions of BT.601 and BT.709 in double; what is wrong is refused. */
#include "tests/support/temporary.h"

#include <math.h>

TestSuite(frame);

enum { H = 5, W = 7, GAP = 9 };

static uint8_t colour(int y, int x, int c)
{
    return (uint8_t)(y * 50 + x * 31 + c * 77);
}

/* Writes the picture with `bytes` a pixel, colour c at place order[c], into rows of `stride` bytes (negative: upside down). */
static shunt_frame pack(uint8_t *memory, shunt_pixels pixels, int bytes, const int order[3], int64_t stride)
{
    uint8_t *top = stride < 0 ? memory - (H - 1) * stride : memory;
    memset(memory, 0xee, H * (size_t)llabs(stride));
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++) top[y * stride + x * bytes + order[c]] = colour(y, x, c);
    return (shunt_frame){.pixels = pixels, .height = H, .width = W, .planes = {top}, .strides = {stride}};
}

static void expect_colours(const shunt_frame *frame, const char *what)
{
    shunt_image image;
    cr_assert_eq(shunt_image_from_frame(frame, &image), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(image.height == H && image.width == W);
    for (int i = 0; i < H * W * 3; i++)
        if (image.rgb[i] != colour(i / 3 / W, i / 3 % W, i % 3)) cr_assert_fail("%s: byte %d is wrong", what, i);
    shunt_image_free(&image);
}

Test(frame, packed_pixels_of_every_order_and_stride)
{
    static const struct {
        shunt_pixels pixels;
        int bytes, order[3];
        const char *name;
    } kinds[] = {{SHUNT_PIXELS_RGB, 3, {0, 1, 2}, "RGB"},
                 {SHUNT_PIXELS_BGR, 3, {2, 1, 0}, "BGR"},
                 {SHUNT_PIXELS_RGBA, 4, {0, 1, 2}, "RGBA"},
                 {SHUNT_PIXELS_BGRA, 4, {2, 1, 0}, "BGRA"}};
    uint8_t memory[H * (4 * W + GAP)];
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const int64_t tight = kinds[k].bytes * W, strides[] = {tight, tight + GAP, -tight, -tight - GAP};
        for (int s = 0; s < 4; s++) {
            shunt_frame frame = pack(memory, kinds[k].pixels, kinds[k].bytes, kinds[k].order, strides[s]);
            expect_colours(&frame, kinds[k].name);
            if (s) continue;
            frame.strides[0] = 0; /* no gaps */
            expect_colours(&frame, kinds[k].name);
        }
    }
}

Test(frame, gray_is_the_same_in_all_colours)
{
    uint8_t memory[H * (W + GAP)];
    const shunt_frame frame = {SHUNT_PIXELS_GRAY, 0, H, W, {memory, NULL}, {W + GAP, 0}, {0}};
    shunt_image image;
    for (size_t i = 0; i < sizeof memory; i++) memory[i] = (uint8_t)(i * 3);
    cr_assert_eq(shunt_image_from_frame(&frame, &image), SHUNT_OK);
    for (int i = 0; i < H * W * 3; i++)
        if (image.rgb[i] != memory[i / 3 / W * (W + GAP) + i / 3 % W]) cr_assert_fail("byte %d is wrong", i);
    shunt_image_free(&image);
}

/* The standards define Y = kr R + kg G + kb B, U = (B - Y) / (2 - 2 kb), V = (R - Y) / (2 - 2 kr), of R, G, B from 0 to 1. */
static void expect_yuv(shunt_yuv yuv, double kr, double kb, bool full)
{
    enum { CW = (W + 1) / 2 * 2, CH = (H + 1) / 2 };
    uint8_t luma[H * (W + GAP)], chroma[CH * (CW + GAP)];
    const shunt_frame frame = {SHUNT_PIXELS_NV12, yuv, H, W, {luma, chroma}, {W + GAP, CW + GAP}, {0}};
    shunt_image image;
    for (size_t i = 0; i < sizeof luma; i++) luma[i] = (uint8_t)(i * 37);
    for (size_t i = 0; i < sizeof chroma; i++) chroma[i] = (uint8_t)(90 + i * 53 % 80);
    cr_assert_eq(shunt_image_from_frame(&frame, &image), SHUNT_OK, "%s", shunt_last_error());
    for (int i = 0; i < H * W; i++) {
        const int y = i / W, x = i % W;
        const uint8_t *pair = chroma + y / 2 * (CW + GAP) + x / 2 * 2;
        const double Y = full ? luma[y * (W + GAP) + x] / 255. : (luma[y * (W + GAP) + x] - 16) / 219.;
        const double U = (pair[0] - 128) / (full ? 255. : 224.), V = (pair[1] - 128) / (full ? 255. : 224.);
        const double R = Y + V * (2 - 2 * kr), B = Y + U * (2 - 2 * kb), G = (Y - kr * R - kb * B) / (1 - kr - kb);
        const double wanted[] = {R, G, B};
        for (int c = 0; c < 3; c++) {
            const double byte = fmin(fmax(255 * wanted[c], 0), 255);
            if (fabs(image.rgb[3 * i + c] - byte) > 0.51)
                cr_assert_fail("yuv %d, pixel %d, colour %d: %d, not %g", yuv, i, c, image.rgb[3 * i + c], byte);
        }
    }
    shunt_image_free(&image);
}

Test(frame, nv12_is_what_the_standards_say)
{
    expect_yuv(SHUNT_YUV_BT601, 0.299, 0.114, false);
    expect_yuv(SHUNT_YUV_BT709, 0.2126, 0.0722, false);
    expect_yuv(SHUNT_YUV_BT601_FULL, 0.299, 0.114, true);
    expect_yuv(SHUNT_YUV_BT709_FULL, 0.2126, 0.0722, true);
}

/* The batch is each picture as the picture's own function prepares it. */
Test(frame, a_batch_is_its_pictures)
{
    enum { CROP = 4, EACH = 3 * CROP * CROP };
    static const int rgb[] = {0, 1, 2}, bgr[] = {2, 1, 0};
    uint8_t a[H * 3 * W], b[H * (3 * W + GAP)];
    float batch[2 * EACH], alone[EACH];
    shunt_preprocess how;
    shunt_image image;
    cr_assert_eq(shunt_preprocess_preset("imagenet", &how), SHUNT_OK);
    how.resize = CROP + 1;
    how.crop = CROP;
    const shunt_frame frames[] = {pack(a, SHUNT_PIXELS_RGB, 3, rgb, 3 * W),
                                  pack(b, SHUNT_PIXELS_BGR, 3, bgr, 3 * W + GAP)};
    cr_assert_eq(shunt_image_from_frame(&frames[1], &image), SHUNT_OK);
    cr_assert_eq(shunt_preprocess_apply(&how, &image, alone), SHUNT_OK);
    cr_assert_eq(shunt_preprocess_frames(&how, frames, 2, batch), SHUNT_OK, "%s", shunt_last_error());
    for (int i = 0; i < 2; i++) cr_assert(!memcmp(batch + i * EACH, alone, sizeof alone), "picture %d", i);
    shunt_image_free(&image);
}

Test(frame, what_is_wrong_is_refused)
{
    uint8_t byte = 0;
    float room[3];
    shunt_image image;
    shunt_preprocess how;
    const shunt_frame good = {.height = 1, .width = 1, .planes = {&byte}, .pixels = SHUNT_PIXELS_GRAY};
    shunt_frame bad[8];
    static const char *const words[] = {"no pixels of kind 6",
                                        "no YUV of kind 4",
                                        "plane 0 is NULL",
                                        "plane 1 is NULL",
                                        "a stride of -2 bytes is less than the 3",
                                        "1 x 0 pixels",
                                        "over the limit",
                                        "reserved"};
    for (int i = 0; i < 8; i++) bad[i] = good;
    bad[0].pixels = (shunt_pixels)6;
    bad[1].yuv = (shunt_yuv)4;
    bad[2].planes[0] = NULL;
    bad[3].pixels = SHUNT_PIXELS_NV12;
    bad[4].width = 3, bad[4].strides[0] = -2;
    bad[5].height = 0;
    bad[6].height = bad[6].width = 1 << 20;
    bad[7].reserved[3] = 1;
    cr_assert_eq(shunt_preprocess_preset("cifar10", &how), SHUNT_OK);
    for (int i = 0; i < 8; i++) {
        cr_assert_neq(shunt_image_from_frame(&bad[i], &image), SHUNT_OK, "%s", words[i]);
        expect_message("", words[i]);
        const shunt_frame both[] = {good, bad[i]};
        how.resize = how.crop = 1;
        cr_assert_neq(shunt_preprocess_frames(&how, both, 2, (float[6]){0}), SHUNT_OK);
        expect_message("picture 1: ", words[i]);
    }
    cr_assert_eq(shunt_preprocess_frames(&how, &good, 1, room), SHUNT_OK);
}
