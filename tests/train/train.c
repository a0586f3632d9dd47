/* What training is made of: recipes, schedules, augmentation, the loader, fresh weights. Whole runs are in train_run.c. */
#include <shunt/train.h>

#include "runtime/base/random.h"
#include "runtime/data/augment.h"
#include "runtime/data/loader.h"
#include "tests/support/train_data.h"
#include <math.h>

TestSuite(train, .init = enter_folder, .fini = leave_folder);

static shunt_recipe recipe_of(const char *model_name, const char *name)
{
    shunt_model *model;
    shunt_recipe recipe;
    cr_assert(!shunt_model_create(model_name, NULL, &model) && !shunt_model_recipe(model, name, &recipe), "%s",
              shunt_last_error());
    shunt_model_destroy(model);
    return recipe;
}

/* ---- Recipes ------------------------------------------------------------------------------------------------------ */

/* Section 4.2 of the paper: 0.1, divided by 10 at 32k and 48k of 64k steps. */
Test(train, the_papers_rates)
{
    shunt_recipe recipe = recipe_of("resnet20", "paper");
    cr_assert(recipe.batch == 128 && recipe.steps == 64000 && recipe.momentum == 0.9 && recipe.weight_decay == 1e-4);
    const struct {
        int64_t step;
        double rate;
    } expected[] = {{0, 0.1}, {31999, 0.1}, {32000, 0.01}, {47999, 0.01}, {48000, 0.001}, {63999, 0.001}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        cr_assert_float_eq(shunt_recipe_rate(&recipe, expected[i].step, 64000, -1), expected[i].rate, 1e-12);
}

/* Depth 110 starts with 0.01 until the training error is below 80 %. */
/* Goyal et al. 2017: of 256 pictures 0.1, of 8,192 it is 3.2, which is reached from 0.1 within five of 90 epochs. */
Test(train, rates_of_large_batches)
{
    const shunt_recipe recipe = {.batch = 8192,
                                 .rate_batch = 256,
                                 .rate = 0.1,
                                 .warm_up_rate = 0.1,
                                 .warm_up = 5.0 / 90,
                                 .schedule = SHUNT_SCHEDULE_STEP,
                                 .milestones = {1.0 / 3, 2.0 / 3},
                                 .decay = 0.1};
    const double steps = 90 * 156;
    for (int64_t epoch = 0; epoch < 5; epoch++)
        cr_assert_float_eq(shunt_recipe_rate(&recipe, epoch * 156, (int64_t)steps, -1), 0.1 + 3.1 * (double)epoch / 5,
                           1e-12);
    cr_assert_float_eq(shunt_recipe_rate(&recipe, 5 * 156, (int64_t)steps, -1), 3.2, 1e-12);
    cr_assert_float_eq(shunt_recipe_rate(&recipe, 30 * 156, (int64_t)steps, -1), 0.32, 1e-12);
    /* A batch below 256 takes a lower rate, and begins no higher. */
    shunt_recipe small = recipe;
    small.batch = 64;
    cr_assert_float_eq(shunt_recipe_rate(&small, 0, (int64_t)steps, -1), 0.025, 1e-12);
    cr_assert_float_eq(shunt_recipe_rate(&small, 6 * 156, (int64_t)steps, -1), 0.025, 1e-12);
}

Test(train, the_papers_warm_up)
{
    shunt_recipe recipe = recipe_of("resnet110", "paper");
    cr_assert_eq(recipe.warm_up_error, 0.8);
    cr_assert_eq(shunt_recipe_rate(&recipe, 500, 64000, -1), 0.01);
    cr_assert_eq(shunt_recipe_rate(&recipe, 400, 64000, 401), 0.01);
    cr_assert_eq(shunt_recipe_rate(&recipe, 401, 64000, 401), 0.1);
    cr_assert_eq(recipe_of("resnet56", "paper").warm_up_error, 0);
}

Test(train, cosine_and_one_cycle)
{
    shunt_recipe recipe = {.schedule = SHUNT_SCHEDULE_COSINE, .rate = 1, .final_rate = 0.2};
    for (int step = 0; step <= 100; step++)
        cr_assert_float_eq(shunt_recipe_rate(&recipe, step, 100, -1), 0.6 + 0.4 * cos(M_PI * step / 100), 1e-12);
    recipe = (shunt_recipe){
        .schedule = SHUNT_SCHEDULE_ONE_CYCLE, .rate = 1, .final_rate = 0, .warm_up = 0.25, .warm_up_rate = 0.2};
    for (int step = 0; step <= 100; step++)
        cr_assert_float_eq(shunt_recipe_rate(&recipe, step, 100, -1),
                           step < 25 ? 0.2 + 0.8 * step / 25 : 1 - (step - 25) / 75.0, 1e-12);
}

Test(train, a_recipe_survives_as_text)
{
    shunt_recipe recipe = recipe_of("resnet20", "fast"), read;
    recipe.rate = 1.0 / 3;
    recipe.weight_decay = nextafter(5e-4, 1);
    char *text = shunt_recipe_text(&recipe);
    cr_assert(text && !shunt_recipe_read(text, &read), "%s", shunt_last_error());
    cr_assert_eq(memcmp(&recipe, &read, sizeof read), 0, "%s", text);
    cr_assert_eq(shunt_recipe_same(&recipe, &read), SHUNT_OK);
    free(text);
    read.rate = 0.25;
    read.nesterov = 0;
    cr_assert_eq(shunt_recipe_same(&recipe, &read), SHUNT_E_INVALID);
    expect_message("rate '0.25', not '0.33333", "nesterov 'no', not 'yes'");
}

Test(train, recipe_fields_are_checked)
{
    shunt_recipe recipe = recipe_of("resnet20", "fast"), before = recipe;
    const struct {
        const char *field, *value, *reason;
    } bad[] = {{"rate", "-1", "a number from 0"},
               {"rate", "nan", "a number from 0"},
               {"rate", "0.1x", "a number from 0"},
               {"rate", "", "a number from 0"},
               {"epochs", "0", "a whole number"},
               {"epochs", "1.5", "a whole number"},
               {"epochs", "99999999999999999999", "a whole number"},
               {"schedule", "linear", "one-cycle"},
               {"milestones", "0.5", "two numbers"},
               {"milestones", "0.5,2", "two numbers"},
               {"freeze", "a\nb", "printable"},
               {"precision", "f8", "there are default, f32, f16, bf16, fast"},
               {"colour", "red", "no 'colour'"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_neq(shunt_recipe_set(&recipe, bad[i].field, bad[i].value), SHUNT_OK, "%s", bad[i].field);
        expect_message(bad[i].field, bad[i].reason);
    }
    cr_assert_eq(memcmp(&recipe, &before, sizeof recipe), 0);
    cr_assert(!shunt_recipe_set(&recipe, "schedule", "cosine") && recipe.schedule == SHUNT_SCHEDULE_COSINE);
    cr_assert(!shunt_recipe_set(&recipe, "milestones", "0.25,0.5") && recipe.milestones[1] == 0.5);
    cr_assert(!shunt_recipe_set(&recipe, "precision", "bf16") && recipe.precision == SHUNT_RECIPE_BF16);
    cr_assert_eq(shunt_recipe_read("{\"rate\":\"1\"}", &recipe), SHUNT_E_INVALID);
    expect_message("lacks", "'name'");
    cr_assert_eq(shunt_recipe_read("[", &recipe), SHUNT_E_INVALID);
}

/* ---- Augmentation ------------------------------------------------------------------------------------------------ */

static const shunt_preprocess identity = {32, 32, {0, 0, 0}, {1 / 255.0f, 1 / 255.0f, 1 / 255.0f}};

/* Red is the column, green the row, blue 255. */
static void make_map(shunt_image *image, int64_t height, int64_t width)
{
    *image = (shunt_image){height, width, malloc((size_t)(height * width * 3))};
    cr_assert(image->rgb);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            uint8_t *pixel = image->rgb + 3 * (y * width + x);
            pixel[0] = (uint8_t)x, pixel[1] = (uint8_t)y, pixel[2] = 255;
        }
}

/* Counts pixels that are not what a crop at (top, left), mirrored or not, has there. */
static int differences(const float *dst, int top, int left, bool mirrored)
{
    int count = 0;
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++) {
            int row = top + y, column = left + (mirrored ? 31 - x : x);
            bool inside = row >= 0 && row < 32 && column >= 0 && column < 32;
            const float expected[3] = {(float)(inside ? column : 0), (float)(inside ? row : 0), inside ? 255 : 0};
            for (int c = 0; c < 3; c++) count += fabsf(dst[c * 1024 + y * 32 + x] - expected[c]) > 1e-3f;
        }
    return count;
}

/* Where the crop in dst begins: from a pixel that lies in the picture whatever the crop. */
static void find_crop(const float *dst, int *top, int *left, bool *mirrored)
{
    int column = (int)lrintf(dst[16 * 32 + 16]), next = (int)lrintf(dst[16 * 32 + 17]);
    *top = (int)lrintf(dst[1024 + 16 * 32 + 16]) - 16;
    *mirrored = next < column;
    *left = *mirrored ? column - 15 : column - 16;
}

/* Each of the 81 places, mirrored or not, comes up, about as often as the others; and nothing else does. */
Test(train, padded_crops)
{
    shunt_recipe recipe = {.augment = SHUNT_AUGMENT_CROP, .pad = 4, .flip = 1};
    int seen[9][9][2] = {{{0}}}, wrong = 0, least = 1000, most = 0;
    static float dst[3 * 1024];
    shunt_image image;
    make_map(&image, 32, 32);
    for (uint64_t key = 0; key < 8100; key++) {
        int top, left;
        bool mirrored;
        cr_assert_eq(augment_picture(&recipe, &identity, &image, random_bits(3, key), dst), SHUNT_OK);
        find_crop(dst, &top, &left, &mirrored);
        if (top < -4 || top > 4 || left < -4 || left > 4) cr_assert_fail("a crop at %d, %d", top, left);
        if (key % 50 == 0) wrong += differences(dst, top, left, mirrored);
        seen[top + 4][left + 4][mirrored]++;
    }
    for (int i = 0; i < 162; i++) {
        int count = (&seen[0][0][0])[i];
        least = count < least ? count : least;
        most = count > most ? count : most;
    }
    cr_assert_eq(wrong, 0);
    cr_assert(least > 15 && most < 100, "50 expected of each: %d to %d", least, most); /* 5 and 7 sigma */
    shunt_image_free(&image);
}

/* A random part keeps its orientation, covers min_area .. 1 of the picture, and its sides are 3:4 to 4:3. */
Test(train, resized_crops)
{
    enum { HEIGHT = 90, WIDTH = 120, TRIES = 600 };
    shunt_recipe recipe = {.augment = SHUNT_AUGMENT_RESIZED_CROP, .min_area = 0.25, .flip = 1};
    static float dst[3 * 1024];
    shunt_image image;
    int mirrored = 0, outside = 0;
    double smallest = 1, largest = 0;
    make_map(&image, HEIGHT, WIDTH);
    for (uint64_t key = 0; key < TRIES; key++) {
        cr_assert_eq(augment_picture(&recipe, &identity, &image, random_bits(5, key), dst), SHUNT_OK);
        /* From two pixels near the ends of a row and a column, which the resize's borders do not reach. */
        double width = ((double)dst[16 * 32 + 28] - (double)dst[16 * 32 + 3]) * 32 / 25;
        double height = ((double)dst[1024 + 28 * 32 + 16] - (double)dst[1024 + 3 * 32 + 16]) * 32 / 25;
        mirrored += width < 0;
        double area = fabs(width) * height / (HEIGHT * WIDTH), ratio = fabs(width) / height;
        outside += area < 0.23 || area > 1.03 || ratio < 0.71 || ratio > 1.41; /* whole pixels are rounded */
        smallest = fmin(smallest, area);
        largest = fmax(largest, area);
    }
    cr_assert_eq(outside, 0);
    cr_assert(mirrored > TRIES / 2 - 75 && mirrored < TRIES / 2 + 75, "%d of %d", mirrored, TRIES); /* 6 sigma */
    cr_assert(smallest < 0.3 && largest > 0.9, "%g to %g", smallest, largest);
    shunt_image_free(&image);
}

/* ---- The loader ---------------------------------------------------------------------------------------------------- */

/* A picture's number from its first pixel: the loader here neither crops nor mirrors. */
static int number_of(const float *picture)
{
    return (int)lrintf(picture[0]) * 200 + (int)lrintf(picture[1024]);
}

static const shunt_recipe as_they_are = {.augment = SHUNT_AUGMENT_NONE, .batch = 7};

static loader_setup setup_for(const shunt_dataset *data, const shunt_recipe *recipe, int64_t end, int64_t workers)
{
    return (loader_setup){.data = data,
                          .count = shunt_dataset_count(data),
                          .preprocess = &identity,
                          .recipe = recipe,
                          .batch = recipe->batch,
                          .end = end,
                          .workers = workers};
}

/* The pictures' numbers of batches [first, end). */
static void load_numbers(loader_setup setup, int *numbers)
{
    loader *self;
    const loader_batch *batch;
    cr_assert_eq(loader_create(&setup, &self), SHUNT_OK, "%s", shunt_last_error());
    for (int64_t k = setup.first; k < setup.end; k++) {
        cr_assert_eq(loader_next(self, &batch), SHUNT_OK, "%s", shunt_last_error());
        for (int64_t i = 0; i < batch->n; i++) {
            int number = number_of(batch->images + i * 3072);
            if ((int)batch->labels[i] != number * 7 % 10)
                cr_assert_fail("picture %d has label %g", number, (double)batch->labels[i]);
            *numbers++ = number;
        }
    }
    loader_destroy(self);
}

/* 40 pictures in batches of 7: five batches an epoch, no picture twice in one, another order in each, whatever the number of
 * threads and wherever it begins; another seed, another order. */
Test(train, the_loader_shuffles_by_seed_and_epoch)
{
    enum { EPOCH = 35, ALL = 4 * EPOCH };
    int one[ALL], many[ALL], later[ALL], other[ALL];
    shunt_dataset *data;
    put_training_set("set", 8);
    cr_assert_eq(shunt_dataset_open("cifar10:set", "train", &data), SHUNT_OK);
    shunt_recipe seven = as_they_are;
    seven.seed = 7;
    load_numbers(setup_for(data, &as_they_are, 20, 1), one);
    load_numbers(setup_for(data, &as_they_are, 20, 9), many);
    load_numbers(setup_for(data, &seven, 20, 2), other);
    loader_setup from_eight = setup_for(data, &as_they_are, 20, 3);
    from_eight.first = 8;
    load_numbers(from_eight, later);
    cr_assert_eq(memcmp(one, many, sizeof one), 0);
    cr_assert_eq(memcmp(one + 56, later, sizeof one - 56 * sizeof *one), 0);
    cr_assert_neq(memcmp(one, other, sizeof one), 0);
    for (int epoch = 0; epoch < 4; epoch++) {
        bool seen[40] = {false};
        for (int i = 0; i < EPOCH; i++) {
            int number = one[epoch * EPOCH + i];
            cr_assert(number < 40 && !seen[number], "epoch %d: picture %d twice", epoch, number);
            seen[number] = true;
        }
        cr_assert(!epoch || memcmp(one, one + epoch * EPOCH, EPOCH * sizeof *one));
    }
    shunt_dataset_close(data);
}

/* Without a recipe: all pictures, in order, the last batch with what is left. */
Test(train, the_loader_for_inference)
{
    int numbers[40];
    shunt_dataset *data;
    put_training_set("set", 8);
    cr_assert_eq(shunt_dataset_open("cifar10:set", "train", &data), SHUNT_OK);
    loader_setup setup = setup_for(data, &as_they_are, 6, 4);
    setup.recipe = NULL;
    load_numbers(setup, numbers);
    for (int i = 0; i < 40; i++) cr_assert_eq(numbers[i], i);
    shunt_dataset_close(data);
}

/* One that cannot be decoded is named and counted, or left out. */
Test(train, pictures_that_cannot_be_decoded)
{
    char path[64];
    size_t *good, count;
    shunt_dataset *data;
    cr_assert(!mkdir("set", 0777) && !mkdir("set/owl", 0777));
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, "set/owl/%d.ppm", i);
        const char *text = i == 2 || i == 5 ? "P6 cut off" : "P2 1 1 255 9";
        put_bytes(path, text, strlen(text));
    }
    cr_assert_eq(shunt_dataset_open("imagefolder:set", "train", &data), SHUNT_OK);
    cr_assert_eq(loader_check(data, 0, 3, 0, &good, &count), SHUNT_E_INVALID);
    expect_message("2 of 8 pictures", "owl/2.ppm");
    cr_assert_eq(loader_check(data, 0, 3, 1, &good, &count), SHUNT_OK);
    const size_t expected[6] = {0, 1, 3, 4, 6, 7};
    cr_assert(count == 6 && !memcmp(good, expected, sizeof expected));
    free(good);
    /* Of three, which are spread over the set, the second and the third one are bad. */
    cr_assert_eq(loader_check(data, 3, 2, 1, &good, &count), SHUNT_OK);
    cr_assert(count == 1 && good[0] == 0);
    free(good);
    cr_assert_eq(loader_check(data, 2, 2, 0, &good, &count), SHUNT_OK);
    cr_assert(count == 2 && good[0] == 0 && good[1] == 4);
    free(good);
    /* What goes bad later stops the loader, with its name. */
    loader *self;
    const loader_batch *batch;
    loader_setup setup = setup_for(data, &as_they_are, 1, 2);
    cr_assert_eq(loader_create(&setup, &self), SHUNT_OK);
    cr_assert_eq(loader_next(self, &batch), SHUNT_E_INVALID);
    expect_message("owl/", "picture");
    loader_destroy(self);
    shunt_dataset_close(data);
}

/* ---- Fresh weights ---------------------------------------------------------------------------------------------------- */

/* He et al. 2015: normal, variance 2 / fan-in. Of n numbers the mean is off by 1 / sqrt(n) deviations, the variance by
 * sqrt(2 / n) of itself; 5 times that is allowed. A normal number is within one deviation in 68.27 % of cases. */
Test(train, fresh_weights)
{
    shunt_model *model;
    cr_assert(!shunt_model_create("resnet20", NULL, &model) && !shunt_model_initialize(model, 1));
    const shunt_tensor_view *view = shunt_weights_find(shunt_model_weights(model), "layer3.1.conv1.weight");
    const float *data = view->data;
    const double n = 64 * 64 * 9, deviation = sqrt(2.0 / (64 * 9));
    double sum = 0, squares = 0, near = 0;
    for (int i = 0; i < (int)n; i++) {
        sum += (double)data[i];
        squares += (double)data[i] * (double)data[i];
        near += fabs((double)data[i]) < deviation;
    }
    cr_assert_float_eq(sum / n, 0, 5 * deviation / sqrt(n));
    cr_assert_float_eq(squares / n, deviation * deviation, 5 * deviation * deviation * sqrt(2 / n));
    cr_assert_float_eq(near / n, 0.6827, 5 * sqrt(0.6827 * 0.3173 / n));
    const struct {
        const char *name;
        float value;
    } constants[] = {
        {"bn1.weight", 1}, {"bn1.bias", 0}, {"bn1.running_mean", 0}, {"bn1.running_var", 1}, {"fc.bias", 0}};
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        cr_assert_eq(*(const float *)shunt_weights_find(shunt_model_weights(model), constants[i].name)->data,
                     constants[i].value);
    float first = data[0];
    cr_assert(!shunt_model_initialize(model, 2));
    data = shunt_weights_find(shunt_model_weights(model), "layer3.1.conv1.weight")->data;
    cr_assert_neq(data[0], first);
    shunt_model_destroy(model);
}
