/* pixel_steps.c - a training step of networks that label pixels against PyTorch in float64 (tests/golden/pixel_steps.py): the loss and every
 * gradient, in float64 on the scalar backend; and that one's in float32 on the device of SHUNT_TEST_DEVICE. */
#include "runtime/base/random.h"
#include "runtime/graph/graph.h"
#include "runtime/train/gradient_norms.h"
#include "tests/support/train_net.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROBES = 8, NO_CLASS = 255, MOST_OUTPUTS = MAX_GRADIENTS + 2 };

/* A step that was done. */
typedef struct pixel_step {
    shunt_graph *graph;
    size_t count; /* of gradients */
    const char *names[MAX_GRADIENTS];
    shunt_tensor gradients[MAX_GRADIENTS];
    double loss;
} pixel_step;

static double number(const json_t *test, const char *key)
{
    return json_number_value(json_object_get(test, key));
}

static int64_t whole(const json_t *test, const char *key)
{
    return json_integer_value(json_object_get(test, key));
}

/* Numbers of the type. */
static shunt_tensor tensor_of(uint8_t dtype, uint32_t rank, const int64_t *dims, const double *values)
{
    shunt_tensor made = {shunt_tensor_make(dtype, rank, dims), NULL};
    made.data = calloc(shunt_tensor_count(&made.desc) + 1, shunt_dtype_bytes(dtype));
    cr_assert(made.data);
    for (uint64_t i = 0; values && i < shunt_tensor_count(&made.desc); i++) {
        if (dtype == SHUNT_F64)
            ((double *)made.data)[i] = values[i];
        else
            ((float *)made.data)[i] = (float)values[i];
    }
    return made;
}

/* Pictures, labels, weights, and those of the second head: a fifth of the pixels counts for nothing, the others by their number. */
static size_t make_inputs(const json_t *test, uint8_t dtype, shunt_tensor inputs[4])
{
    const double second = number(test, "auxiliary");
    const int64_t n = whole(test, "batch"), h = whole(test, "height"), w = whole(test, "width"), rows = n * h * w;
    const uint64_t labels = random_key("labels", 1), ignored = random_key("ignored", 1),
                   pixels = random_key("input", 1);
    double *values = calloc((size_t)(6 * rows), sizeof *values), *label = values + 3 * rows, *weight = label + rows,
           counted = 0;
    cr_assert(values);
    for (int64_t i = 0; i < 3 * rows; i++) values[i] = (double)(float)(2 * random_at(pixels, (uint64_t)i) - 1);
    for (int64_t i = 0; i < rows; i++) {
        weight[i] = random_at(ignored, (uint64_t)i) >= 0.2;
        label[i] = weight[i] > 0 ? floor((double)whole(test, "classes") * random_at(labels, (uint64_t)i)) : 0;
        counted += weight[i];
    }
    for (int64_t i = 0; i < rows; i++) weight[i] *= (double)rows / counted;
    inputs[0] = tensor_of(dtype, 4, (int64_t[]){n, 3, h, w}, values);
    inputs[1] = tensor_of(dtype, 1, &rows, label);
    inputs[2] = tensor_of(dtype, 2, (int64_t[]){rows, 1}, weight);
    for (int64_t i = 0; i < rows; i++) weight[i] *= second;
    inputs[3] = tensor_of(dtype, 2, (int64_t[]){rows, 1}, weight);
    free(values);
    return second > 0 ? 4 : 3;
}

static shunt_weights *convert(const shunt_graph *graph, const shunt_weights *from)
{
    shunt_weights *made;
    OK(shunt_weights_create(&made));
    for (uint32_t v = 0; v < graph->nvalues; v++) {
        const graph_value *value = &graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *view = shunt_weights_find(from, value->name);
        cr_assert(view, "%s", value->name);
        const uint64_t count = shunt_tensor_count(&view->desc);
        double *values = malloc(count * sizeof *values);
        cr_assert(values);
        for (uint64_t i = 0; i < count; i++) values[i] = (double)((const float *)view->data)[i];
        shunt_tensor tensor = tensor_of(value->desc.dtype, view->desc.rank, view->desc.dims, values);
        OK(shunt_weights_set(made, value->name, &tensor.desc, tensor.data));
        free(tensor.data);
        free(values);
    }
    return made;
}

static void build(const shunt_model *model, const json_t *test, uint8_t dtype, pixel_step *step)
{
    const shunt_tensor_desc pictures = shunt_tensor_make(
        SHUNT_F32, 4, (int64_t[]){whole(test, "batch"), 3, whole(test, "height"), whole(test, "width")});
    const train_loss loss = {.pictures = &pictures,
                             .norm_momentum = 0.125f,
                             .smoothing = (float)number(test, "smoothing"),
                             .auxiliary = number(test, "auxiliary") > 0};
    OK(train_loss_graph(shunt_model_graph(model), &loss, &step->graph));
    for (uint32_t v = 0; v < step->graph->nvalues; v++) {
        const graph_value *value = &step->graph->values[v];
        if (value->source != VALUE_PARAMETER || value->diff == SHUNT_NO_VALUE) continue;
        cr_assert_lt(step->count, MAX_GRADIENTS);
        step->names[step->count] = value->name;
        step->gradients[step->count++] = tensor_of(dtype, value->desc.rank, value->desc.dims, NULL);
        shunt_graph_output(step->graph, value->name, value->diff);
    }
    OK(shunt_graph_check(step->graph));
    if (dtype == SHUNT_F64) shunt_graph_widen(step->graph);
}

static void do_step(const shunt_model *model, const json_t *test, shunt_device *device, uint8_t dtype, pixel_step *step)
{
    shunt_executor *executor;
    shunt_tensor inputs[4], outputs[MOST_OUTPUTS];
    *step = (pixel_step){.count = 0};
    build(model, test, dtype, step);
    const size_t ninputs = make_inputs(test, dtype, inputs);
    const int64_t n = whole(test, "batch"), h = whole(test, "height"), w = whole(test, "width");
    outputs[0] = tensor_of(dtype, 4, (int64_t[]){n, whole(test, "classes"), h, w}, NULL);
    outputs[1] = tensor_of(dtype, 1, &n, NULL);
    memcpy(outputs + 2, step->gradients, step->count * sizeof *outputs);
    shunt_weights *weights = convert(step->graph, shunt_model_weights(model));
    OK(shunt_executor_create(step->graph, weights, device, &executor));
    OK(shunt_executor_run(executor, inputs, ninputs, outputs, 2 + step->count));
    for (int64_t i = 0; i < n; i++)
        step->loss += train_net_at(&outputs[1].desc, outputs[1].data, (uint64_t)i) / (double)(n * h * w);
    shunt_executor_destroy(executor);
    shunt_weights_destroy(weights);
    for (size_t i = 0; i < 4; i++) free(inputs[i].data);
    for (size_t i = 0; i < 2; i++) free(outputs[i].data);
}

static void end_step(pixel_step *step)
{
    for (size_t g = 0; g < step->count; g++) free(step->gradients[g].data);
    shunt_graph_destroy(step->graph);
}

/* As in training.c: the root mean square of the errors of products with vectors of +-1. scale: the largest gradient's size. */
static void compare_probes(const json_t *kept, const shunt_tensor *tensor, const char *what, double scale)
{
    double error = 0;
    for (int p = 0; p < PROBES; p++) {
        char name[16];
        snprintf(name, sizeof name, "probe%d", p);
        const uint64_t key = random_key(name, 1);
        double sum = -json_number_value(json_array_get(kept, (size_t)p + 1));
        for (uint64_t i = 0; i < shunt_tensor_count(&tensor->desc); i++)
            sum += (random_at(key, i) < 0.5 ? -1 : 1) * train_net_at(&tensor->desc, tensor->data, i);
        error += sum * sum / PROBES;
    }
    const double norm = json_number_value(json_array_get(kept, 0));
    cr_expect(sqrt(error) <= 1e-6 * norm + 1e-12 * scale, "%s: error %.3g of a gradient of %.3g", what, sqrt(error),
              norm);
}

static void compare_wide(const json_t *test, const pixel_step *step)
{
    const json_t *gradients = json_object_get(test, "gradients"), *kept;
    double scale = 0;
    const char *name;
    cr_assert_eq(json_object_size(gradients), step->count);
    cr_expect(fabs(step->loss / number(test, "loss") - 1) <= 1e-6, "loss %.12g instead of %.12g", step->loss,
              number(test, "loss"));
    json_object_foreach((json_t *)gradients, name, kept) scale =
        fmax(scale, json_number_value(json_array_get(kept, 0)));
    for (size_t g = 0; g < step->count; g++) {
        kept = json_object_get(gradients, step->names[g]);
        cr_assert(kept, "%s", step->names[g]);
        compare_probes(kept, &step->gradients[g], step->names[g], scale);
    }
}

/* In float32: of the error of a gradient, relative to it or to a thousandth of the largest. */
static void compare_narrow(const pixel_step *wide, const pixel_step *narrow)
{
    double largest = 0;
    cr_expect(fabs(narrow->loss / wide->loss - 1) <= 1e-5, "loss %.9g instead of %.9g", narrow->loss, wide->loss);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t g = 0; g < wide->count; g++) {
            double error = 0, size = 0;
            for (uint64_t i = 0; i < shunt_tensor_count(&wide->gradients[g].desc); i++) {
                const double expected = train_net_at(&wide->gradients[g].desc, wide->gradients[g].data, i),
                             off = train_net_at(&narrow->gradients[g].desc, narrow->gradients[g].data, i) - expected;
                error += off * off;
                size += expected * expected;
            }
            if (pass == 0)
                largest = fmax(largest, sqrt(size));
            else
                cr_expect(sqrt(error) <= 1e-2 * fmax(sqrt(size), 1e-3 * largest),
                          "%s: error %.3g of a gradient of %.3g", wide->names[g], sqrt(error), sqrt(size));
        }
    }
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
        const shunt_model_options options = {
            .size = sizeof options, .classes = whole(test, "classes"), .auxiliary = number(test, "auxiliary") > 0};
        pixel_step wide, narrow;
        shunt_model *model;
        OK(shunt_model_create(json_string_value(json_object_get(test, "model")), &options, &model));
        OK(shunt_model_randomize(model, 1));
        do_step(model, test, scalar, SHUNT_F64, &wide);
        compare_wide(test, &wide);
        do_step(model, test, device, SHUNT_F32, &narrow);
        compare_narrow(&wide, &narrow);
        end_step(&narrow);
        end_step(&wide);
        shunt_model_destroy(model);
    }
    json_decref(tests);
    shunt_device_close(device);
    shunt_device_close(scalar);
}
