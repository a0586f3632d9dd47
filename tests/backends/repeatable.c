/* repeatable.c - with tuning off, one device gives the same bits each time: from run to run and from plan to
 * plan. Device: SHUNT_TEST_DEVICE, scalar by default. */
#include <shunt/shunt.h>

#include "runtime/base/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { N = 3, SIDE = 56, CLASSES = 1000 };

static shunt_device *open_device(void)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device = NULL;
    shunt_set_option("tune", "off");
    cr_assert_eq(shunt_device_open(selector ? selector : "scalar", NULL, &device), SHUNT_OK, "%s", shunt_last_error());
    return device;
}

static float *make_images(void)
{
    float *images = malloc(sizeof *images * N * 3 * SIDE * SIDE);
    uint64_t key = random_key("images", 0);
    for (uint64_t i = 0; images && i < N * 3 * SIDE * SIDE; i++) images[i] = (float)(4 * random_at(key, i) - 2);
    cr_assert_not_null(images);
    return images;
}

static void run(const char *name, shunt_device *device, const float *images, int times, float *logits)
{
    shunt_model *model = NULL;
    cr_assert_eq(shunt_model_create(name, NULL, &model), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_randomize(model, 1), SHUNT_OK, "%s", shunt_last_error());
    for (int i = 0; i < times; i++)
        cr_assert_eq(shunt_model_run(model, device, N, SIDE, SIDE, images, logits), SHUNT_OK, "%s", shunt_last_error());
    shunt_model_destroy(model);
}

Test(repeatable, the_same_bits_from_run_to_run_and_plan_to_plan)
{
    static const char *const names[] = {"resnet18", "resnet50"};
    shunt_device *device = open_device();
    float *images = make_images(), *first = malloc(N * CLASSES * sizeof *first),
          *again = malloc(N * CLASSES * sizeof *again);
    cr_assert(first && again);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        memset(first, 0, N * CLASSES * sizeof *first);
        run(names[i], device, images, 1, first);
        for (int round = 0; round < 3; round++) {
            memset(again, 0xff, N * CLASSES * sizeof *again);
            run(names[i], device, images, 1 + round, again);
            cr_expect_arr_eq(again, first, N * CLASSES * sizeof *first, "%s, round %d", names[i], round);
        }
        cr_expect_neq(first[0], first[CLASSES], "two different pictures have one result");
    }
    free(images);
    free(first);
    free(again);
    shunt_device_close(device);
}
