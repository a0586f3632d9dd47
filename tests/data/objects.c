/* objects.c - pictures with objects as networks get them: mirrored, resized and padded, with boxes that still are where the objects are. */
#include "runtime/data/augment.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEIGHT = 40, WIDTH = 60, CROP = 64, LEFT = 6, TOP = 10, RIGHT = 30, BOTTOM = 34, KEYS = 20 };

/* A white object on black. */
static boxed_image make(void)
{
    boxed_image made = {
        .image = {HEIGHT, WIDTH, calloc(HEIGHT, WIDTH * 3)}, .objects = calloc(1, sizeof *made.objects), .count = 1};
    cr_assert(made.image.rgb && made.objects);
    for (int y = TOP; y < BOTTOM; y++) memset(made.image.rgb + (y * WIDTH + LEFT) * 3, 255, (RIGHT - LEFT) * 3);
    made.objects[0] = (boxed_object){.box = {LEFT, TOP, RIGHT, BOTTOM}, .class = 1};
    return made;
}

/* Where the pixels are of which more than half is white: left, top, right, bottom. */
static void find(const float *pixels, double box[4])
{
    box[0] = box[1] = CROP;
    box[2] = box[3] = 0;
    for (int y = 0; y < CROP; y++) {
        for (int x = 0; x < CROP; x++) {
            if (pixels[y * CROP + x] < 0.5f) continue;
            box[0] = fmin(box[0], x);
            box[1] = fmin(box[1], y);
            box[2] = fmax(box[2], x + 1);
            box[3] = fmax(box[3], y + 1);
        }
    }
}

/* A picture of `resize` and these scales, with KEYS keys: how many are mirrored. most: the error of a side. */
static int look(const shunt_recipe *recipe, int64_t resize, double most)
{
    const shunt_preprocess how = {.resize = resize, .crop = CROP, .std = {1, 1, 1}};
    static float pixels[3 * CROP * CROP];
    int mirrored = 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        boxed_image picture = make();
        double box[4];
        cr_assert_eq(augment_objects(recipe, &how, &picture, key, pixels), SHUNT_OK, "%s", shunt_last_error());
        find(pixels, box);
        const double *made = picture.objects[0].box;
        for (int k = 0; k < 4; k++)
            cr_assert(fabs(made[k] - box[k]) <= most, "key %d, side %d: %g, the object ends at %g", (int)key, k,
                      made[k], box[k]);
        mirrored += made[0] / made[2] > 0.3; /* 6/30, or mirrored 30/54 */
        boxed_image_free(&picture);
    }
    return mirrored;
}

Test(objects, boxes_follow_the_picture)
{
    const shunt_recipe flips = {.flip = 1, .scales = {1, 1}}, scales = {.flip = 1, .scales = {0.5, 1}};
    cr_assert_eq(look(NULL, HEIGHT, 0), 0);
    const int mirrored = look(&flips, HEIGHT, 0);
    cr_assert(mirrored > KEYS / 4 && mirrored < 3 * KEYS / 4, "%d", mirrored);
    look(NULL, 21, 0.51);
    /* The long side is the limit: 60 becomes 64. */
    look(&flips, 100, 0.51);
    look(&scales, HEIGHT, 0.51);
}
