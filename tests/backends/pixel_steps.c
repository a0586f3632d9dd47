/* pixel_steps.c - a training step of networks that label pixels against PyTorch in float64 (tests/golden/pixel_steps.py). In float32 on the
 * device of SHUNT_TEST_DEVICE. */
#include "runtime/base/random.h"
#include "tests/support/wide_step.h"

#include <math.h>
#include <stdlib.h>

/* Pictures, labels, weights, and those of the second head: a fifth of the pixels counts for nothing, the others by their number. */
static size_t make_inputs(const json_t *test, uint8_t dtype, shunt_tensor inputs[4])
{
    const double second = wide_number(test, "auxiliary");
    const int64_t n = wide_whole(test, "batch"), h = wide_whole(test, "height"), w = wide_whole(test, "width"),
                  rows = n * h * w;
    const uint64_t labels = random_key("labels", 1), ignored = random_key("ignored", 1),
                   pixels = random_key("input", 1);
    double *values = calloc((size_t)(6 * rows), sizeof *values), *label = values + 3 * rows, *weight = label + rows,
           counted = 0;
    cr_assert(values);
    for (int64_t i = 0; i < 3 * rows; i++) values[i] = (double)(float)(2 * random_at(pixels, (uint64_t)i) - 1);
    for (int64_t i = 0; i < rows; i++) {
        weight[i] = random_at(ignored, (uint64_t)i) >= 0.2;
        label[i] = weight[i] > 0 ? floor((double)wide_whole(test, "classes") * random_at(labels, (uint64_t)i)) : 0;
        counted += weight[i];
    }
    for (int64_t i = 0; i < rows; i++) weight[i] *= (double)rows / counted;
    inputs[0] = wide_tensor(dtype, 4, (int64_t[]){n, 3, h, w}, values);
    inputs[1] = wide_tensor(dtype, 1, &rows, label);
    inputs[2] = wide_tensor(dtype, 2, (int64_t[]){rows, 1}, weight);
    for (int64_t i = 0; i < rows; i++) weight[i] *= second;
    inputs[3] = wide_tensor(dtype, 2, (int64_t[]){rows, 1}, weight);
    free(values);
    return second > 0 ? 4 : 3;
}

static void do_step(const shunt_model *model, const json_t *test, shunt_device *device, uint8_t dtype, wide_step *step)
{
    const int64_t n = wide_whole(test, "batch"), h = wide_whole(test, "height"), w = wide_whole(test, "width");
    const shunt_tensor_desc pictures = shunt_tensor_make(SHUNT_F32, 4, (int64_t[]){n, 3, h, w});
    const train_loss loss = {.pictures = &pictures,
                             .norm_momentum = 0.125f,
                             .smoothing = (float)wide_number(test, "smoothing"),
                             .auxiliary = wide_number(test, "auxiliary") > 0};
    shunt_tensor inputs[4];
    const size_t ninputs = make_inputs(test, dtype, inputs);
    wide_step_do(model, &loss, device, dtype, inputs, ninputs, step);
    for (size_t i = 0; i < 4; i++) free(inputs[i].data);
}

/* The mean over all pixels. */
static double loss_of(const json_t *test, const wide_step *step)
{
    return step->losses / (double)(wide_whole(test, "batch") * wide_whole(test, "height") * wide_whole(test, "width"));
}

Test(pixel_steps, as_pytorch)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    json_error_t error;
    json_t *tests = json_load_file(TEST_GOLDEN "/pixel_steps.json", 0, &error), *test;
    shunt_device *scalar, *device;
    size_t i;
    cr_assert_eq(json_array_size(tests), 3, "%s", error.text);
    OK(shunt_device_open("scalar", NULL, &scalar));
    OK(shunt_device_open(selector ? selector : "scalar", NULL, &device));
    json_array_foreach(tests, i, test)
    {
        const shunt_model_options options = {.size = sizeof options,
                                             .classes = wide_whole(test, "classes"),
                                             .auxiliary = wide_number(test, "auxiliary") > 0};
        wide_step wide, narrow;
        shunt_model *model;
        OK(shunt_model_create(json_string_value(json_object_get(test, "model")), &options, &model));
        OK(shunt_model_randomize(model, 1));
        do_step(model, test, scalar, SHUNT_F64, &wide);
        wide_step_compare(test, &wide, loss_of(test, &wide));
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
