/* shunt embed, as it was built: what it writes, taken through the classifier here, is what shunt classify says. */
#include "tests/support/command_support.h"

TestSuite(embed_command, .init = enter_folder, .fini = leave_folder);

enum { SIDE = 32, CLASSES = 5, FEATURES = 64, PICTURES = 3 };

#define WITH "--device scalar --weights w.safetensors "

static void make_files(void)
{
    static const char *const names[PICTURES] = {"set/a.ppm", "set/b.ppm",
                                                "set/more/c.ppm"}; /* as the rows are ordered */
    shunt_model *model;
    cr_assert_eq(shunt_model_create("resnet20", &(shunt_model_options){.classes = CLASSES}, &model), SHUNT_OK);
    cr_assert(!shunt_model_randomize(model, 5) && !shunt_model_save(model, "w.safetensors"));
    shunt_model_destroy(model);
    cr_assert(!mkdir("set", 0700) && !mkdir("set/more", 0700));
    for (int n = 0; n < PICTURES; n++) {
        char file[16 + 3 * SIDE * SIDE];
        const int head = snprintf(file, 16, "P6\n%d %d\n255\n", SIDE, SIDE);
        for (int i = 0; i < 3 * SIDE * SIDE; i++) file[head + i] = (char)(i * (37 + 12 * n) + i / 96 * 11);
        put_bytes(names[n], file, (size_t)head + 3 * SIDE * SIDE);
    }
}

static shunt_weights *open_file(const char *path)
{
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_open(path, &weights), SHUNT_OK, "%s", shunt_last_error());
    return weights;
}

/* The probability of each class, as shunt classify prints it. */
static void classified(const char *path, double *probabilities)
{
    run("shunt classify " WITH "--json --top %d %s", CLASSES, path);
    expect_success();
    json_t *report = json_said(), *images = json_object_get(report, "images");
    const json_t *guesses = json_object_get(json_array_get(images, 0), "guesses");
    for (int i = 0; i < CLASSES; i++) {
        const json_t *guess = json_array_get(guesses, (size_t)i);
        probabilities[(int)number_at(guess, "class")] = number_at(guess, "probability");
    }
    json_decref(report);
}

static void expect_classified(const float *features, const char *path)
{
    shunt_weights *weights = open_file("w.safetensors");
    const float *fc = shunt_weights_find(weights, "fc.weight")->data,
                *bias = shunt_weights_find(weights, "fc.bias")->data;
    double expected[CLASSES], scores[CLASSES], sum = 0;
    for (int k = 0; k < CLASSES; k++) {
        scores[k] = (double)bias[k];
        for (int c = 0; c < FEATURES; c++) scores[k] += (double)fc[k * FEATURES + c] * (double)features[c];
        sum += exp(scores[k]);
    }
    classified(path, expected);
    for (int k = 0; k < CLASSES; k++)
        cr_assert_float_eq(exp(scores[k]) / sum, expected[k], 1e-5, "%s, class %d", path, k);
    shunt_weights_destroy(weights);
}

Test(embed_command, a_row_for_each_picture)
{
    static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,64,), }";
    static char npy[4096];
    make_files();
    run("shunt embed " WITH "--out e.npy set");
    expect_success();
    cr_assert(strstr(said.out, "avgpool 3x64 -> e.npy\n"), "%s", said.out);
    cr_assert(strstr(said.out, "0 a.ppm\n1 b.ppm\n2 more/c.ppm\n"), "%s", said.out);
    FILE *file = fopen("e.npy", "rb");
    cr_assert(file);
    const size_t size = fread(npy, 1, sizeof npy, file);
    fclose(file);
    cr_assert(!memcmp(npy, "\x93NUMPY\x01\x00", 8) && !strncmp(npy + 10, header, sizeof header - 1));
    const size_t begin = 10 + (size_t)npy[8];
    cr_assert(begin % 64 == 0 && npy[begin - 1] == '\n' && size == begin + PICTURES * FEATURES * sizeof(float));
    const float *rows = (const float *)(npy + begin);
    expect_classified(rows, "set/a.ppm");
    expect_classified(rows + 2 * FEATURES, "set/more/c.ppm");
}

Test(embed_command, several_values_as_safetensors)
{
    make_files();
    run("shunt embed " WITH "--value layer3.2.relu,avgpool --batch 2 --out e.safetensors --json set");
    expect_success();
    json_t *report = json_said();
    cr_assert_eq(json_array_size(json_object_get(report, "pictures")), PICTURES);
    json_decref(report);
    shunt_weights *weights = open_file("e.safetensors");
    const shunt_tensor_view *map = shunt_weights_find(weights, "layer3.2.relu"),
                            *pooled = shunt_weights_find(weights, "avgpool");
    cr_assert(map && pooled && map->desc.rank == 4 && map->desc.dims[1] == FEATURES);
    cr_assert_str_eq(shunt_weights_metadata(weights, "pictures"), "[\"a.ppm\",\"b.ppm\",\"more/c.ppm\"]");
    for (int i = 0; i < PICTURES * FEATURES; i++) {
        double sum = 0;
        for (int k = 0; k < 64; k++) sum += (double)((const float *)map->data)[64 * i + k];
        cr_assert_float_eq(((const float *)pooled->data)[i], sum / 64, 1e-5 * (1 + fabs(sum / 64)));
    }
    shunt_weights_destroy(weights);
    run("shunt embed " WITH "--limit 1 --out e.safetensors imagefolder:.");
    expect_success();
}

Test(embed_command, lists_what_there_is)
{
    make_files();
    run("shunt embed " WITH "--list");
    expect_success();
    cr_assert(strstr(said.out, "layer3.2.add                             1x64x8x8\n"), "%s", said.out);
    cr_assert(!strstr(said.out, "fc.weight"), "a parameter is no value to write");
}

Test(embed_command, says_what_is_wrong)
{
    make_files();
    run("shunt embed " WITH "set");
    expect_failure(2, "--out FILE", NULL);
    run("shunt embed " WITH "--value layer9 --out e.npy set");
    expect_failure(1, "no value 'layer9'", NULL);
    run("shunt embed " WITH "--value avgpool,fc --out e.npy set");
    expect_failure(2, "a .npy file holds one value", NULL);
    run("shunt embed " WITH "--out e.npy nowhere");
    expect_failure(1, "nowhere", NULL);
    run("mkdir empty; shunt embed " WITH "--out e.npy empty");
    expect_failure(1, "empty: no picture in it", NULL);
    put_bytes("set/b.ppm", "P6 nonsense", 11);
    run("shunt embed " WITH "--out e.npy set");
    expect_failure(1, "b.ppm", NULL);
    cr_assert_neq(access("e.npy", F_OK), 0, "a file after a failure");
    run("shunt eval " WITH "--data pictures:set");
    expect_failure(1, "says nothing of classes", NULL);
}
