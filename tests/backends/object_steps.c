/* object_steps.c - a training step of networks that find objects against torchvision's in float64 (tests/golden/object_steps.py), with the anchors
 * that are made here; in float32 on the device of SHUNT_TEST_DEVICE. And which object each anchor is of. */
#include "runtime/base/random.h"
#include "runtime/data/targets.h"
#include "tests/support/wide_step.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_OBJECTS = 8, INPUTS = 5 };

/* As boxes() there. */
static void make_boxes(int64_t picture, size_t count, int64_t side, bool whole, boxed_object *objects)
{
    char name[32];
    snprintf(name, sizeof name, "boxes%lld", (long long)picture);
    const uint64_t key = random_key(name, 1);
    for (size_t i = 0; i < count; i++) {
        for (uint64_t k = 0; k < 2; k++) {
            const double begin = random_at(key, 4 * i + k) * (double)side / 2,
                         size = (random_at(key, 4 * i + 2 + k) * 3 + 1) * (double)side / 8;
            objects[i].box[k] = whole ? floor(begin) : begin;
            objects[i].box[2 + k] = whole ? floor(begin + size) : begin + size;
        }
    }
}

static size_t make_objects(const json_t *test, size_t picture, boxed_object *objects)
{
    char name[32];
    const size_t count = (size_t)json_integer_value(json_array_get(json_object_get(test, "objects"), picture));
    snprintf(name, sizeof name, "labels%zu", picture);
    const uint64_t key = random_key(name, 1);
    cr_assert_leq(count, MOST_OBJECTS);
    make_boxes((int64_t)picture, count, wide_whole(test, "side"), false, objects);
    for (size_t i = 0; i < count; i++)
        objects[i].class = 1 + (int64_t)floor(random_at(key, i) * (double)(wide_whole(test, "classes") - 1));
    return count;
}

/* Floats of targets as numbers of the type. */
static shunt_tensor widen(uint8_t dtype, const int64_t dims[3], const float *from)
{
    const size_t count = (size_t)(dims[0] * dims[1] * dims[2]);
    double *values = calloc(count, sizeof *values);
    cr_assert(values);
    for (size_t i = 0; i < count; i++) values[i] = (double)from[i];
    const shunt_tensor made = wide_tensor(dtype, 3, dims, values);
    free(values);
    return made;
}

static void make_inputs(const shunt_model *model, const json_t *test, uint8_t dtype, shunt_tensor inputs[INPUTS])
{
    const int64_t side = wide_whole(test, "side"), n = (int64_t)json_array_size(json_object_get(test, "objects"));
    boxed_object objects[MOST_OBJECTS];
    shunt_anchors anchors;
    OK(shunt_model_anchors(model, side, &anchors));
    const int64_t each = anchors.shapes * anchors.places, pixels = n * 3 * side * side;
    float *values = calloc((size_t)(7 * n * each), sizeof *values), *labels = values, *weights = labels + n * each,
          *code_weights = weights + n * each, *codes = code_weights + n * each;
    double *input = calloc((size_t)pixels, sizeof *input);
    cr_assert(values && input);
    for (int64_t i = 0; i < n; i++) {
        const anchor_targets targets = {labels + i * each, weights + i * each, codes + 4 * i * each,
                                        code_weights + i * each};
        const size_t count = make_objects(test, (size_t)i, objects);
        const int64_t found = targets_fill(&anchors, objects, count, NULL, 1 / (double)n, &targets);
        cr_assert(count ? found >= (int64_t)count : found == 0);
    }
    const uint64_t key = random_key("input", 1);
    for (int64_t i = 0; i < pixels; i++) input[i] = (double)(float)(2 * random_at(key, (uint64_t)i) - 1);
    const int64_t places[] = {n * anchors.shapes, 1, anchors.places}, of_codes[] = {places[0], 4, places[2]};
    inputs[0] = wide_tensor(dtype, 4, (int64_t[]){n, 3, side, side}, input);
    inputs[1] = widen(dtype, places, labels);
    inputs[2] = widen(dtype, places, weights);
    inputs[3] = widen(dtype, of_codes, codes);
    inputs[4] = widen(dtype, places, code_weights);
    free(input);
    free(values);
    shunt_anchors_free(&anchors);
}

static void do_step(const shunt_model *model, const json_t *test, shunt_device *device, uint8_t dtype, wide_step *step)
{
    const int64_t side = wide_whole(test, "side"), n = (int64_t)json_array_size(json_object_get(test, "objects"));
    const shunt_tensor_desc pictures = shunt_tensor_make(SHUNT_F32, 4, (int64_t[]){n, 3, side, side});
    const train_loss loss = {.pictures = &pictures, .norm_momentum = 0.125f};
    shunt_tensor inputs[INPUTS];
    make_inputs(model, test, dtype, inputs);
    wide_step_do(model, &loss, device, dtype, inputs, INPUTS, step);
    for (size_t i = 0; i < INPUTS; i++) free(inputs[i].data);
}

static json_t *read_golden(const char *part)
{
    json_error_t error;
    json_t *all = json_load_file(TEST_GOLDEN "/object_steps.json", 0, &error);
    json_t *found = json_incref(json_object_get(all, part));
    cr_assert(json_array_size(found) > 0, "%s", error.text);
    json_decref(all);
    return found;
}

Test(object_steps, as_torchvision)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    json_t *tests = read_golden("steps"), *test;
    shunt_device *scalar, *device;
    size_t i;
    OK(shunt_device_open("scalar", NULL, &scalar));
    OK(shunt_device_open(selector ? selector : "scalar", NULL, &device));
    json_array_foreach(tests, i, test)
    {
        const shunt_model_options options = {.size = sizeof options, .classes = wide_whole(test, "classes")};
        wide_step wide, narrow;
        shunt_model *model;
        OK(shunt_model_create(json_string_value(json_object_get(test, "model")), &options, &model));
        OK(shunt_model_randomize(model, 1));
        do_step(model, test, scalar, SHUNT_F64, &wide);
        wide_step_compare(test, &wide, wide.losses);
        do_step(model, test, device, SHUNT_F32, &narrow);
        wide_step_compare_narrow(&wide, &narrow);
        wide_step_end(&narrow);
        wide_step_end(&wide);
        shunt_model_destroy(model);
    }
    json_decref(tests);
    shunt_device_close(device);
    shunt_device_close(scalar);
}

/* The object of anchor number i of torchvision, which counts shapes first. */
static int32_t expected_at(const json_t *found, int64_t i)
{
    const json_t *pair;
    size_t k;
    json_array_foreach(found, k, pair) if (json_integer_value(json_array_get(pair, 0)) ==
                                           i) return (int32_t)json_integer_value(json_array_get(pair, 1));
    return TARGET_NONE;
}

Test(object_steps, anchors_match_as_torchvision)
{
    json_t *tests = read_golden("matches"), *test;
    shunt_model *model;
    size_t i;
    OK(shunt_model_create("retinanet_resnet8", NULL, &model));
    json_array_foreach(tests, i, test)
    {
        const size_t count = (size_t)wide_whole(test, "objects");
        boxed_object objects[MOST_OBJECTS];
        shunt_anchors anchors;
        OK(shunt_model_anchors(model, wide_whole(test, "side"), &anchors));
        int32_t *best = calloc((size_t)(anchors.shapes * anchors.places), sizeof *best);
        cr_assert(best && count <= MOST_OBJECTS);
        make_boxes(wide_whole(test, "picture"), count, wide_whole(test, "side"), true, objects);
        if (wide_whole(test, "picture") % 2) objects[count - 1] = objects[0];
        cr_assert(targets_match(&anchors, objects, count, best));
        for (int64_t k = 0; k < anchors.shapes * anchors.places; k++) {
            const int32_t expected = expected_at(json_object_get(test, "found"), k),
                          ours = best[k % anchors.shapes * anchors.places + k / anchors.shapes];
            cr_assert_eq(ours, expected, "set %zu, anchor %lld: %d instead of %d", i, (long long)k, ours, expected);
        }
        free(best);
        shunt_anchors_free(&anchors);
    }
    shunt_model_destroy(model);
    json_decref(tests);
}
