/* logits.c - whole networks on one device (SHUNT_TEST_DEVICE, scalar by default) against what PyTorch and torchvision
 * computed in float64 from the same weights and inputs (docs/random-weights.md; tests/golden/logits.py).
 * SHUNT_TEST_LOGITS=all runs every network of the file at batch 1 and at the batch that was recorded, on the scalar
 * backend some two minutes of one processor; otherwise only what the table `usual` names. SHUNT_TEST_TOLERANCE sets
 * another bound on the relative L2 error than 1e-4. */
#include <shunt/shunt.h>

#include "runtime/base/random.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The large networks of a usual run, with the batches that are run; small images are always run, in both batches. */
static const struct {
    const char *model;
    int height;
    bool one, all;
} usual[] = {
    {"resnet18", 224, true, true},   {"resnet18", 193, true, true},  {"resnet34", 224, true, false},
    {"resnet50", 224, true, false},  {"resnet50", 193, false, true}, {"resnet101", 224, true, false},
    {"resnet152", 224, true, false},
};

static bool wanted(const char *model, int height, bool one)
{
    const char *amount = getenv("SHUNT_TEST_LOGITS");
    if ((amount && !strcmp(amount, "all")) || height < 128) return true;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (!strcmp(usual[i].model, model) && usual[i].height == height) return one ? usual[i].one : usual[i].all;
    return false;
}

static double tolerance(void)
{
    const char *text = getenv("SHUNT_TEST_TOLERANCE");
    return text ? strtod(text, NULL) : 1e-4;
}

static json_int_t number(const json_t *test, const char *key)
{
    return json_integer_value(json_object_get(test, key));
}

static const char *text(const json_t *test, const char *key)
{
    return json_string_value(json_object_get(test, key));
}

/* Of image `index`: the relative L2 error over the logits that are kept, and that of the norm of all. */
static void compare(const json_t *test, size_t index, const float *logits, int64_t classes, const char *what)
{
    const json_t *kept = json_array_get(json_object_get(test, "logits"), index);
    double expected_norm = json_number_value(json_array_get(json_object_get(test, "norms"), index));
    double error = 0, size = 0, norm = 0;
    for (size_t i = 0; i < json_array_size(kept); i++) {
        double expected = json_number_value(json_array_get(kept, i)), difference = (double)logits[i] - expected;
        error += difference * difference;
        size += expected * expected;
    }
    for (int64_t i = 0; i < classes; i++) norm += (double)logits[i] * (double)logits[i];
    double l2 = sqrt(error / size), norm_error = fabs(sqrt(norm) / expected_norm - 1);
    cr_assert(l2 <= tolerance(), "%s: image %zu: relative L2 error %.3g", what, index, l2);
    cr_assert(norm_error <= tolerance(), "%s: image %zu: the norm of all logits is off by %.3g", what, index,
              norm_error);
}

static void run(shunt_model *model, shunt_device *device, const json_t *test, int64_t images, const char *what)
{
    int64_t height = number(test, "height"), width = number(test, "width"), classes = shunt_model_classes(model);
    size_t pixels = (size_t)(images * 3 * height * width);
    float *src = malloc(pixels * sizeof *src), *logits = malloc((size_t)(images * classes) * sizeof *logits);
    cr_assert(src && logits);
    uint64_t key = random_key("input", (uint64_t)number(test, "seed"));
    for (size_t i = 0; i < pixels; i++) src[i] = (float)(2 * random_at(key, i) - 1);
    shunt_status status = shunt_model_run(model, device, images, height, width, src, logits);
    cr_assert_eq(status, SHUNT_OK, "%s: %s", what, shunt_last_error());
    for (int64_t i = 0; i < images; i++) compare(test, (size_t)i, logits + i * classes, classes, what);
    free(src);
    free(logits);
}

static void run_case(shunt_device *device, const json_t *test)
{
    const char *name = text(test, "model");
    int64_t images = (int64_t)json_array_size(json_object_get(test, "norms"));
    int height = (int)number(test, "height");
    bool one = wanted(name, height, true), all = images > 1 && wanted(name, height, false);
    if (!one && !all) return;
    char what[96];
    snprintf(what, sizeof what, "%s %s %s %dx%d", name, text(test, "shortcut"), number(test, "v1") ? "v1" : "", height,
             (int)number(test, "width"));
    shunt_model_options options = {.shortcut = text(test, "shortcut")[0], .v1 = (int)number(test, "v1")};
    shunt_model *model;
    cr_assert_eq(shunt_model_create(name, &options, &model), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_randomize(model, (uint64_t)number(test, "seed")), SHUNT_OK, "%s", shunt_last_error());
    if (one) run(model, device, test, 1, what);
    if (all) run(model, device, test, images, what); /* the same model: another batch needs no new one */
    shunt_model_destroy(model);
}

/* The networks whose name begins so, and of which `pick` says whether their images are large. */
static void run_family(const char *prefix, bool large)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device;
    shunt_status status = shunt_device_open(selector ? selector : "scalar", NULL, &device);
    cr_assert_eq(status, SHUNT_OK, "%s", shunt_last_error());
    json_error_t error;
    json_t *tests = json_load_file(TEST_GOLDEN "/logits.json", 0, &error);
    cr_assert(json_is_array(tests), "%s", error.text);
    size_t i, found = 0;
    json_t *test;
    json_array_foreach(tests, i, test)
    {
        if (strcmp(text(test, "model"), prefix) && *prefix) continue;
        if ((number(test, "height") >= 128) != large) continue;
        found++;
        run_case(device, test);
    }
    cr_assert(found > 0);
    json_decref(tests);
    shunt_device_close(device);
}

Test(logits, resnet18)
{
    run_family("resnet18", true);
}

Test(logits, resnet34)
{
    run_family("resnet34", true);
}

Test(logits, resnet50)
{
    run_family("resnet50", true);
}

Test(logits, resnet101)
{
    run_family("resnet101", true);
}

Test(logits, resnet152)
{
    run_family("resnet152", true);
}

/* Both kinds of bottleneck, options A, B and C, plain nets, CIFAR nets, on small images. */
Test(logits, variants)
{
    run_family("", false);
}
