/* training.c - ten steps of SGD against PyTorch in float64 (tests/golden/steps.py). In float64 the scalar backend has to
 * agree in every loss, in the first step's gradients and in all that ten steps left. In float32, where ten steps diverge
 * whatever one does, every fourth step starts from the float64 run's state, on the scalar backend and on the device of
 * SHUNT_TEST_DEVICE, and has to agree in its loss and in every gradient with that run. ResNet-18 takes minutes, and runs
 * with SHUNT_TEST_TRAINING=all. */
#include "tests/support/train_net.h"

#include "runtime/base/random.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 10, NARROW_EVERY = 4, PROBES = 8 };

static const char *text(const json_t *test, const char *key)
{
    return json_string_value(json_object_get(test, key));
}

static train_options options_of(const json_t *test, uint8_t dtype)
{
    return (train_options){.dtype = dtype,
                           .batch = json_integer_value(json_object_get(test, "batch")),
                           .side = json_integer_value(json_object_get(test, "side")),
                           .parts = json_integer_value(json_object_get(test, "parts")),
                           .nesterov = (int)json_integer_value(json_object_get(test, "nesterov")),
                           .lars = (float)json_number_value(json_object_get(test, "lars"))};
}

static void compare_probes(const json_t *kept, const shunt_tensor_desc *desc, const void *data, const char *what)
{
    uint64_t count = shunt_tensor_count(desc);
    double error = 0, norm = 0, expected_norm = json_number_value(json_array_get(kept, 0));
    for (uint64_t i = 0; i < count; i++) norm += train_net_at(desc, data, i) * train_net_at(desc, data, i);
    for (int p = 0; p < PROBES; p++) {
        char name[16];
        snprintf(name, sizeof name, "probe%d", p);
        uint64_t key = random_key(name, 1);
        double sum = -json_number_value(json_array_get(kept, (size_t)p + 1));
        for (uint64_t i = 0; i < count; i++) sum += (random_at(key, i) < 0.5 ? -1 : 1) * train_net_at(desc, data, i);
        error += sum * sum / PROBES;
    }
    cr_assert(sqrt(error) <= 1e-6 * expected_norm, "%s: relative L2 error %.3g", what, sqrt(error) / expected_norm);
    cr_assert(fabs(sqrt(norm) - expected_norm) <= 1e-6 * expected_norm, "%s: norm %.12g", what, sqrt(norm));
}

static void compare_wide(const train_net *wide, const json_t *test, int step)
{
    double loss = json_number_value(json_array_get(json_object_get(test, "losses"), (size_t)step));
    cr_assert(fabs(wide->loss / loss - 1) <= 1e-6, "step %d: loss %.12g instead of %.12g", step, wide->loss, loss);
    for (size_t g = 0; g < wide->ngradients && step == 0; g++)
        compare_probes(json_object_get(json_object_get(test, "gradients"), wide->names[g]), &wide->descs[g],
                       wide->gradients[g], wide->names[g]);
}

static void compare_state(const shunt_weights *state, const json_t *test)
{
    const char *name;
    json_t *kept;
    json_object_foreach(json_object_get(test, "state"), name, kept)
    {
        const shunt_tensor_view *view = shunt_weights_find(state, name);
        cr_assert(view, "%s", name);
        compare_probes(kept, &view->desc, view->data, name);
    }
}

static double relative_error(const train_net *net, const train_net *reference, size_t g)
{
    double error = 0, size = 0;
    for (uint64_t i = 0; i < shunt_tensor_count(&net->descs[g]); i++) {
        double expected = train_net_at(&reference->descs[g], reference->gradients[g], i);
        double difference = train_net_at(&net->descs[g], net->gradients[g], i) - expected;
        error += difference * difference;
        size += expected * expected;
    }
    return sqrt(error / size);
}

/* The step that `wide` has just done, in float32 on the device, from the state that it had then: its weights. */
static void compare_narrow(const shunt_model *model, const json_t *test, shunt_device *device, const train_net *wide,
                           int step)
{
    train_net net;
    train_options options = options_of(test, SHUNT_F32);
    train_net_open(&net, model, wide->weights, device, &options);
    train_net_step(&net, step);
    cr_assert(fabs(net.loss / wide->loss - 1) <= 1e-5, "step %d: loss %.9g instead of %.9g", step, net.loss,
              wide->loss);
    for (size_t g = 0; g < net.ngradients; g++) {
        double error = relative_error(&net, wide, g);
        cr_expect(error <= 1e-2, "step %d on %s: %s: relative L2 error %.3g of the gradient", step,
                  shunt_device_describe(device)->selector, net.names[g], error);
    }
    train_net_close(&net);
}

static void run_case(const json_t *test, shunt_device *device)
{
    shunt_device *scalar;
    shunt_model *model;
    shunt_model_options model_options = {.shortcut = text(test, "shortcut")[0]};
    OK(shunt_device_open("scalar", NULL, &scalar));
    OK(shunt_model_create(text(test, "model"), &model_options, &model));
    OK(shunt_model_randomize(model, 1));
    train_net wide;
    train_options options = options_of(test, SHUNT_F64);
    train_net_open(&wide, model, shunt_model_weights(model), scalar, &options);
    for (int step = 0; step < STEPS; step++) {
        OK(shunt_executor_fetch(wide.executor, wide.weights));
        train_net_step(&wide, step);
        compare_wide(&wide, test, step);
        if (step % NARROW_EVERY) continue;
        compare_narrow(model, test, scalar, &wide, step);
        if (strcmp(shunt_device_describe(device)->selector, "scalar")) compare_narrow(model, test, device, &wide, step);
    }
    OK(shunt_executor_fetch(wide.executor, wide.weights));
    compare_state(wide.weights, test);
    train_net_close(&wide);
    shunt_model_destroy(model);
    shunt_device_close(scalar);
}

/* kind: "lars", "parts", what only these cases have; NULL: neither. */
static bool is_of_kind(const json_t *test, const char *kind)
{
    const bool lars = json_object_get(test, "lars"), parts = json_object_get(test, "parts");
    return kind ? json_object_get(test, kind) != NULL : !lars && !parts;
}

static void run_model(const char *name, const char *shortcut, const char *kind)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device;
    OK(shunt_device_open(selector ? selector : "scalar", NULL, &device));
    json_error_t error;
    json_t *tests = json_load_file(TEST_GOLDEN "/steps.json", 0, &error), *test;
    cr_assert(json_is_array(tests), "%s", error.text);
    size_t i, found = 0;
    json_array_foreach(tests, i, test)
    {
        if (strcmp(text(test, "model"), name) || strcmp(text(test, "shortcut"), shortcut) || !is_of_kind(test, kind))
            continue;
        found++;
        run_case(test, device);
    }
    cr_assert_eq(found, 1);
    json_decref(tests);
    shunt_device_close(device);
}

Test(training, resnet20_a)
{
    run_model("resnet20", "A", NULL);
}

/* Against timm's optimizer. */
Test(training, resnet20_by_lars)
{
    run_model("resnet20", "A", "lars");
}

/* Steps of several parts, each with its own statistics. */
Test(training, resnet20_in_parts)
{
    run_model("resnet20", "A", "parts");
}

Test(training, resnet20_b)
{
    run_model("resnet20", "B", NULL);
}

Test(training, resnet18)
{
    const char *amount = getenv("SHUNT_TEST_TRAINING");
    if (!amount || strcmp(amount, "all")) cr_skip_test("ResNet-18 runs with SHUNT_TEST_TRAINING=all");
    run_model("resnet18", "", NULL);
}
