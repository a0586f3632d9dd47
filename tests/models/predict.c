/* predict.c - a data set's pictures through one network or several, against PyTorch (tests/golden/predict.py): crops, whole
 * pictures evaluated fully convolutionally, several sizes, ensembles; the order of results, bad pictures; and which class of a
 * model a folder's name means. */
#include <shunt/train.h>
#include <jansson.h>
#include <math.h>
#include <sys/stat.h>

#include "tests/support/temporary.h"

TestSuite(predict, .init = enter_folder, .fini = leave_folder);

/* The same as formula() in tests/golden/images.py. */
static void put_formula(const char *path, int height, int width)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    fprintf(file, "P6 %d %d 255\n", width, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) putc(((x * 7 + y * 13 + c * 50) ^ (x * y >> 3)) & 255, file);
    cr_assert(!fclose(file));
}

static shunt_device *open_scalar(void)
{
    shunt_device *device;
    cr_assert(!shunt_device_open("scalar", "threads=1", &device), "%s", shunt_last_error());
    return device;
}

static shunt_model *make_model(const char *name, uint64_t seed, int64_t resize, shunt_filter filter)
{
    shunt_model *model;
    shunt_preprocess preprocess;
    cr_assert(!shunt_model_create(name, NULL, &model) && !shunt_model_randomize(model, seed) &&
              !shunt_preprocess_preset("cifar10", &preprocess));
    preprocess.resize = resize;
    preprocess.crop = 16;
    preprocess.filter = filter;
    shunt_model_set_preprocess(model, &preprocess);
    return model;
}

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

typedef struct check {
    const json_t *rows;
    size_t next, bad;
} check;

static int compare(void *context, const shunt_prediction *told)
{
    check *self = context;
    const json_t *row = json_array_get(self->rows, told->index);
    double sum = 0;
    if (told->index != self->next++) cr_assert_fail("picture %zu after %zu", told->index, self->next - 2);
    for (size_t c = 0; c < json_array_size(row); c++) {
        double expected = json_number_value(json_array_get(row, c));
        sum += told->probabilities[c];
        if (!(fabs(told->probabilities[c] - expected) < 1e-5))
            cr_assert_fail("picture %zu, class %zu: %.7f, not %.7f", told->index, c, told->probabilities[c], expected);
    }
    if (!(fabs(sum - 1) < 1e-9)) cr_assert_fail("%.12f in all", sum);
    return 0;
}

/* However the pictures are divided into runs, and whichever thread reads them: the first case in all ways, each of the others
 * in one. */
static void run_case(const json_t *test, size_t which, shunt_device *device, const shunt_dataset *set)
{
    static const int64_t batches[] = {0, 1, 3, 25}, workers[] = {1, 4, 2, 0};
    shunt_model *models[4] = {0};
    int64_t sides[8];
    const json_t *nets = json_object_get(test, "nets"), *sizes = json_object_get(test, "sides");
    size_t nmodels = json_array_size(nets), nsides = json_array_size(sizes);
    for (size_t m = 0; m < nmodels; m++) {
        const json_t *net = json_array_get(nets, m);
        bool bicubic = !strcmp(json_string_value(json_object_get(net, "filter")), "bicubic");
        models[m] = make_model(json_string_value(json_object_get(net, "name")), (uint64_t)number(net, "seed"),
                               number(net, "resize"), bicubic ? SHUNT_BICUBIC : SHUNT_BILINEAR);
    }
    for (size_t s = 0; s < nsides; s++) sides[s] = json_integer_value(json_array_get(sizes, s));
    for (size_t i = which ? which % 4 : 0; i < (which ? which % 4 + 1 : 4); i++) {
        check seen = {.rows = json_object_get(test, "probabilities")};
        double seconds;
        shunt_predict_options options = {.crops = (shunt_crops)number(test, "crops"),
                                         .sides = sides,
                                         .nsides = nsides,
                                         .batch = batches[i],
                                         .workers = workers[i],
                                         .limit = i == 1 ? 2 : 0,
                                         .handler = compare,
                                         .context = &seen};
        cr_assert(!shunt_predict(models, nmodels, device, set, &options, &seconds), "%s", shunt_last_error());
        cr_assert_eq(seen.next, i == 1 ? 2 : json_array_size(seen.rows));
        cr_assert(seconds > 0);
    }
    for (size_t m = 0; m < nmodels; m++) shunt_model_destroy(models[m]);
}

Test(predict, what_pytorch_predicts)
{
    char path[32];
    json_t *golden = json_load_file(TEST_GOLDEN "/predict.json", 0, NULL), *size, *test;
    shunt_device *device = open_scalar();
    shunt_dataset *set;
    size_t i;
    cr_assert(golden && !mkdir("a", 0777));
    json_array_foreach(json_object_get(golden, "pictures"), i, size)
    {
        snprintf(path, sizeof path, "a/%02zu.ppm", i);
        put_formula(path, (int)json_integer_value(json_array_get(size, 0)),
                    (int)json_integer_value(json_array_get(size, 1)));
    }
    cr_assert(!shunt_dataset_open("imagefolder:.", NULL, &set), "%s", shunt_last_error());
    json_array_foreach(json_object_get(golden, "cases"), i, test) run_case(test, i, device, set);
    cr_assert_eq(i, 6);
    shunt_dataset_close(set);
    shunt_device_close(device);
    json_decref(golden);
}

/* ---- Bad pictures, bad models --------------------------------------------------------------------------------- */

static int note(void *context, const shunt_prediction *told)
{
    check *self = context;
    if (told->index != self->next++) cr_assert_fail("picture %zu out of its turn", told->index);
    self->bad += !told->probabilities;
    if (told->failed && !strstr(told->failed, "a/2.ppm")) cr_assert_fail("%s", told->failed);
    return self->rows && self->next == 3;
}

Test(predict, bad_pictures)
{
    shunt_device *device = open_scalar();
    shunt_model *models[] = {make_model("resnet8", 1, 32, SHUNT_BILINEAR),
                             make_model("resnet8", 1, 32, SHUNT_BILINEAR)};
    shunt_dataset *set;
    double seconds;
    cr_assert(!mkdir("a", 0777));
    for (int i = 0; i < 6; i++) put_formula((char[]){'a', '/', (char)('0' + i), '.', 'p', 'p', 'm', 0}, 32, 32);
    put_bytes("a/2.ppm", "P6 32 32 255\nabc", 16);
    cr_assert(!shunt_dataset_open("imagefolder:.", NULL, &set));
    check seen = {0};
    shunt_predict_options options = {.handler = note, .context = &seen, .skip_bad = 1, .batch = 4};
    cr_assert(!shunt_predict(models, 1, device, set, &options, &seconds), "%s", shunt_last_error());
    cr_assert(seen.next == 6 && seen.bad == 1);
    seen.next = 0;
    options.skip_bad = 0;
    cr_assert_eq(shunt_predict(models, 1, device, set, &options, &seconds), SHUNT_E_INVALID);
    expect_message("a/2.ppm", "cut off");
    seen.next = 0, options.skip_bad = 1;
    seen.rows = json_null(); /* the handler stops it after three */
    cr_assert(!shunt_predict(models, 2, device, set, &options, &seconds));
    cr_assert_eq(seen.next, 3);

    int64_t side = 0;
    options.sides = &side, options.nsides = 1;
    cr_assert_eq(shunt_predict(models, 1, device, set, &options, &seconds), SHUNT_E_INVALID);
    expect_message("preprocessing", "resize 0");
    options.nsides = 0;
    shunt_model *other;
    cr_assert(!shunt_model_create("resnet8", &(shunt_model_options){.classes = 7}, &other) &&
              !shunt_model_randomize(other, 1));
    cr_assert_eq(shunt_predict((shunt_model *[]){models[0], other}, 2, device, set, &options, &seconds),
                 SHUNT_E_INVALID);
    expect_message("resnet8 has 10 classes", "resnet8 7");
    shunt_model_destroy(other);
    const char *ten[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    cr_assert(!shunt_model_set_labels(models[0], ten));
    ten[0] = "B", ten[1] = "A";
    cr_assert(!shunt_model_set_labels(models[1], ten));
    cr_assert_eq(shunt_predict(models, 2, device, set, &options, &seconds), SHUNT_E_INVALID);
    expect_message("class 0 of resnet8 is 'a', which is class 1", "in one order");
    for (int m = 0; m < 2; m++) shunt_model_destroy(models[m]);
    shunt_dataset_close(set);
    shunt_device_close(device);
}

/* ---- Classes ---------------------------------------------------------------------------------------------------- */

/* Folders of these names (up to 4), with a picture each, matched with a model of these labels (NULL: none). */
static shunt_status match(const char *const *folders, const char *labels, int64_t classes[3])
{
    char command[] = "rm -rf set", path[64];
    shunt_model *model;
    shunt_dataset *set;
    cr_assert(!system(command) && !mkdir("set", 0777));
    for (int i = 0; folders[i]; i++) {
        snprintf(path, sizeof path, "set/%s", folders[i]);
        cr_assert(!mkdir(path, 0777));
        snprintf(path, sizeof path, "set/%s/1.ppm", folders[i]);
        put_formula(path, 1, 1);
    }
    cr_assert(!shunt_model_create("resnet8", &(shunt_model_options){.classes = 4}, &model));
    if (labels) {
        put_bytes("labels", labels, strlen(labels));
        cr_assert(!shunt_model_load_labels(model, "labels"), "%s", shunt_last_error());
    }
    cr_assert(!shunt_dataset_open("imagefolder:set", NULL, &set), "%s", shunt_last_error());
    shunt_status status = shunt_dataset_match(set, model, classes);
    shunt_dataset_close(set);
    shunt_model_destroy(model);
    return status;
}
#define FOLDERS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(predict, classes_by_name)
{
    static const char synsets[] =
        "n04 tench, Tinca tinca\nn03 great white shark, white shark\nn02 crane\nn01 crane, bird";
    int64_t c[4];
    cr_assert(!match(FOLDERS("n01", "n03", "n04"), synsets, c), "%s", shunt_last_error());
    cr_assert(c[0] == 3 && c[1] == 1 && c[2] == 0);
    cr_assert(!match(FOLDERS("Tinca_Tinca", "White_Shark", "bird"), synsets, c), "%s", shunt_last_error());
    cr_assert(c[0] == 0 && c[1] == 1 && c[2] == 3);
    cr_assert(!match(FOLDERS("n04_tench,_tinca_TINCA"), synsets, c), "%s", shunt_last_error());
    cr_assert_eq(c[0], 0);
    /* A name of the whole label goes before names within others. */
    cr_assert(!match(FOLDERS("crane"), "crane\ncrane, machine\na\nb", c), "%s", shunt_last_error());
    cr_assert_eq(c[0], 0);
    cr_assert_eq(match(FOLDERS("crane", "a"), "crane, bird\ncrane, machine\na\nb", c), SHUNT_E_INVALID);
    expect_message("'crane'", "more than one");
    cr_assert_eq(match(FOLDERS("n01", "n03", "n09"), synsets, c), SHUNT_E_NOT_FOUND);
    expect_message("'n09'", "not a class of resnet8's labels");
}

Test(predict, classes_by_number)
{
    int64_t c[4];
    cr_assert(!match(FOLDERS("d", "b", "a", "c"), NULL, c), "%s", shunt_last_error());
    cr_assert(c[0] == 0 && c[1] == 1 && c[2] == 2 && c[3] == 3);
    cr_assert(!match(FOLDERS("n4", "n2", "n1", "n3"), "ape\nbee\ncow\ndog", c), "%s", shunt_last_error());
    cr_assert(c[0] == 0 && c[3] == 3);
    /* Numbers as names are the classes' own, whatever their order as text; others are not guessed. */
    cr_assert(!match(FOLDERS("03", "1", "2"), "ape\nbee\ncow\ndog", c), "%s", shunt_last_error());
    cr_assert(c[0] == 3 && c[1] == 1 && c[2] == 2);
    cr_assert_eq(match(FOLDERS("1", "2", "4"), "ape\nbee\ncow\ndog", c), SHUNT_E_NOT_FOUND);
    cr_assert_eq(match(FOLDERS("a", "b", "c", "d"), "ape\nbee\ncow\ndog", c), SHUNT_E_NOT_FOUND);
    expect_message("resnet8's labels (ape, bee, cow, dog)", "of the data are a, b, c, d");
    cr_assert_eq(match(FOLDERS("a", "b", "c"), NULL, c), SHUNT_E_INVALID);
    expect_message("3 classes", "resnet8 4");
}
