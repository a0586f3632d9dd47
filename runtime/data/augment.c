/* augment.c - torchvision's RandomCrop(padding), RandomResizedCrop and RandomHorizontalFlip, with numbers that depend on
 * nothing but a key: the same picture whichever thread makes it. */
#include "runtime/data/augment.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/data/dataset.h"
#include "runtime/data/image.h"
#include "runtime/data/padded.h"
#include "runtime/base/random.h"

/* Random numbers one after the other. */
typedef struct stream {
    uint64_t key, used;
} stream;

static double draw(stream *s, double low, double high)
{
    return low + (high - low) * random_at(s->key, s->used++);
}

/* 0 .. count - 1 */
static int64_t draw_whole(stream *s, int64_t count)
{
    return (int64_t)draw(s, 0, (double)count);
}

typedef struct box {
    int64_t top, left, height, width;
} box;

/* A part of the picture with an area and a shape drawn at random; after ten tries that do not fit, the largest one of a
 * permitted shape, from the middle. */
static box draw_part(stream *s, double min_area, int64_t height, int64_t width)
{
    const double area = (double)height * (double)width, narrow = 3.0 / 4, wide = 4.0 / 3;
    for (int i = 0; i < 10; i++) {
        double part = area * draw(s, min_area, 1), ratio = exp(draw(s, log(narrow), log(wide)));
        int64_t w = (int64_t)(sqrt(part * ratio) + 0.5), h = (int64_t)(sqrt(part / ratio) + 0.5);
        if (w < 1 || h < 1 || w > width || h > height) continue;
        return (box){draw_whole(s, height - h + 1), draw_whole(s, width - w + 1), h, w};
    }
    box all = {0, 0, height, width};
    double ratio = (double)width / (double)height;
    if (ratio < narrow) all.height = (int64_t)((double)width / narrow + 0.5);
    if (ratio > wide) all.width = (int64_t)((double)height * wide + 0.5);
    all.top = (height - all.height) / 2;
    all.left = (width - all.width) / 2;
    return all;
}

static shunt_status cut(const shunt_image *src, box part, shunt_image *out)
{
    shunt_status status = image_alloc("a part of a picture", part.height, part.width, out);
    if (status) return status;
    for (int64_t y = 0; y < part.height; y++)
        memcpy(out->rgb + y * part.width * 3, src->rgb + ((part.top + y) * src->width + part.left) * 3,
               (size_t)part.width * 3);
    return SHUNT_OK;
}

static shunt_status resized_crop(const shunt_recipe *recipe, const shunt_preprocess *p, const shunt_image *image,
                                 stream *s, float *dst)
{
    shunt_image part, resized = {0};
    shunt_status status = cut(image, draw_part(s, recipe->min_area, image->height, image->width), &part);
    if (status) return status;
    status = shunt_image_resize(&part, p->crop, p->crop, &resized);
    if (!status) preprocess_crop(p, &resized, 0, 0, recipe->flip && draw(s, 0, 1) < 0.5, dst);
    shunt_image_free(&resized);
    shunt_image_free(&part);
    return status;
}

/* Where a crop begins, of a picture with `pad` zeros around it. */
static int64_t draw_begin(stream *s, int64_t size, int64_t crop, int64_t pad)
{
    int64_t room = size + 2 * pad - crop;
    return room > 0 ? draw_whole(s, room + 1) - pad : (size - crop) / 2;
}

static shunt_status padded_crop(const shunt_recipe *recipe, const shunt_preprocess *p, const shunt_image *image,
                                stream *s, float *dst)
{
    shunt_image resized;
    shunt_status status = preprocess_resize(p, image, &resized);
    if (status) return status;
    int64_t top = draw_begin(s, resized.height, p->crop, recipe->pad);
    int64_t left = draw_begin(s, resized.width, p->crop, recipe->pad);
    preprocess_crop(p, &resized, top, left, recipe->flip && draw(s, 0, 1) < 0.5, dst);
    shunt_image_free(&resized);
    return SHUNT_OK;
}

shunt_status augment_picture(const shunt_recipe *recipe, const shunt_preprocess *preprocess, const shunt_image *image,
                             uint64_t key, float *dst)
{
    stream s = {.key = key};
    shunt_status status = preprocess_check(preprocess);
    if (status) return status;
    switch (recipe->augment) {
    case SHUNT_AUGMENT_CROP:
        return padded_crop(recipe, preprocess, image, &s, dst);
    case SHUNT_AUGMENT_RESIZED_CROP:
        return resized_crop(recipe, preprocess, image, &s, dst);
    default:
        return shunt_preprocess_apply(preprocess, image, dst);
    }
}

/* ---- Pixels with classes -------------------------------------------------------------------------------------------- */

/* The classes of the part that preprocess_crop shows; of a resized picture's pixel that of the picture's where its centre lies. */
static void crop_classes(const shunt_labelled_image *picture, const shunt_image *resized, box part, int mirrored,
                         uint8_t *labels)
{
    const int64_t H = picture->image.height, W = picture->image.width;
    for (int64_t i = 0; i < part.height; i++) {
        for (int64_t k = 0; k < part.width; k++) {
            const int64_t y = part.top + i, x = part.left + (mirrored ? part.width - 1 - k : k);
            const bool inside = y >= 0 && y < resized->height && x >= 0 && x < resized->width;
            const int64_t from =
                inside ? (2 * y + 1) * H / (2 * resized->height) * W + (2 * x + 1) * W / (2 * resized->width) : 0;
            *labels++ = inside ? picture->classes[from] : PIXEL_NO_CLASS;
        }
    }
}

shunt_status augment_pixels(const shunt_recipe *recipe, const shunt_preprocess *preprocess,
                            const shunt_labelled_image *picture, uint64_t key, float *dst, uint8_t *labels)
{
    stream s = {.key = key};
    shunt_preprocess scaled = *preprocess;
    shunt_image resized;
    const bool changes = recipe && recipe->augment == SHUNT_AUGMENT_CROP;
    int mirrored = 0;
    if (changes && recipe->scales[1] > 0)
        scaled.resize = (int64_t)((double)scaled.resize * draw(&s, recipe->scales[0], recipe->scales[1]) + 0.5);
    if (scaled.resize < 1) scaled.resize = 1;
    shunt_status status = preprocess_check(&scaled);
    if (!status) status = preprocess_resize(&scaled, &picture->image, &resized);
    if (status) return status;
    const int64_t crop = preprocess->crop;
    box part = {preprocess_crop_begin(resized.height, crop), preprocess_crop_begin(resized.width, crop), crop, crop};
    if (changes) {
        part.top = draw_begin(&s, resized.height, crop, recipe->pad);
        part.left = draw_begin(&s, resized.width, crop, recipe->pad);
        mirrored = recipe->flip && draw(&s, 0, 1) < 0.5;
    }
    preprocess_crop(&scaled, &resized, part.top, part.left, mirrored, dst);
    crop_classes(picture, &resized, part, mirrored, labels);
    shunt_image_free(&resized);
    return SHUNT_OK;
}

/* ---- Objects -------------------------------------------------------------------------------------------------------- */

static void mirror(boxed_image *picture)
{
    const int64_t W = picture->image.width;
    for (int64_t y = 0; y < picture->image.height; y++) {
        uint8_t *row = picture->image.rgb + y * W * 3;
        for (int64_t x = 0; x < W / 2; x++) {
            uint8_t pixel[3], *left = row + 3 * x, *right = row + 3 * (W - 1 - x);
            memcpy(pixel, left, sizeof pixel);
            memcpy(left, right, sizeof pixel);
            memcpy(right, pixel, sizeof pixel);
        }
    }
    for (size_t i = 0; i < picture->count; i++) {
        double *sides = picture->objects[i].box;
        const double left = sides[0];
        sides[0] = (double)W - sides[2];
        sides[2] = (double)W - left;
    }
}

static void resize_boxes(boxed_image *picture, const padded_frame *frame)
{
    for (size_t i = 0; i < picture->count; i++)
        for (int k = 0; k < 4; k++) {
            const int direction = k % 2 ? 0 : 1; /* along x first */
            picture->objects[i].box[k] *= (double)frame->resized[direction] / (double)frame->picture[direction];
        }
}

shunt_status augment_objects(const shunt_recipe *recipe, const shunt_preprocess *preprocess, boxed_image *picture,
                             uint64_t key, float *dst)
{
    stream s = {.key = key};
    padded_frame frame;
    int64_t side = preprocess->resize;
    shunt_status status = preprocess_check(preprocess);
    if (status) return status;
    if (recipe && recipe->scales[1] > 0)
        side = (int64_t)((double)side * draw(&s, recipe->scales[0], recipe->scales[1]) + 0.5);
    status = padded_frame_of(&picture->image, side < 1 ? 1 : side, preprocess->crop, &frame);
    if (status) return status;
    if (recipe && recipe->flip && draw(&s, 0, 1) < 0.5) mirror(picture);
    frame.padded[0] = frame.padded[1] = preprocess->crop;
    resize_boxes(picture, &frame);
    return padded_fill(&frame, preprocess, &picture->image, dst);
}
