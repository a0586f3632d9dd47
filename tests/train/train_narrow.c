/* train_narrow.c - a few steps of a small ResNet in bfloat16 and float16, beside those in float32, which have to be PyTorch's in float64. How
 * far off the 16-bit ones may be is measured by PyTorch's own mixed precision on the same steps (tests/golden/steps_autocast.py). */
#include "runtime/base/random.h"
#include "runtime/graph/graph.h"
#include "runtime/train/gradient_norms.h"
#include "runtime/train/step.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 5, BATCH = 8, SIDE = 16, CLASSES = 10, PIXELS = BATCH * 3 * SIDE * SIDE, MOST_OUTPUTS = 64 };
#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

/* As in tests/golden/steps.py. */
static const float RATE = 0x1p-5f;
static const char *const fields[][2] = {{"momentum", "0.875"},  {"weight_decay", "0.0009765625"},
                                        {"smoothing", "0.125"}, {"nesterov", "yes"},
                                        {"decay_all", "no"},    {"norm_momentum", "0.125"}};

/* What a precision makes of the steps. */
typedef struct steps {
    double losses[STEPS];
    train_gradients gradients; /* of the first step, times scale */
    float scale;
} steps;

static double drawn(const char *what, int step, uint64_t i)
{
    char name[32];
    snprintf(name, sizeof name, "%s%d", what, step);
    return random_at(random_key(name, 1), i);
}

static shunt_tensor vector(int64_t count, float *data)
{
    return (shunt_tensor){shunt_tensor_make(SHUNT_F32, 1, &count), data};
}

/* With a scaled loss the inputs are pictures, labels, factor, rate, 1 / factor; else pictures, labels, rate. */
static void take_step(shunt_executor *executor, const shunt_tensor_desc *pictures, int step, steps *self)
{
    static float images[PIXELS];
    float labels[BATCH], losses[BATCH], logits[BATCH * CLASSES], rate = RATE, inverse = 1 / self->scale, nonfinite = 0;
    const bool scaled = self->scale != 1;
    for (uint64_t i = 0; i < PIXELS; i++) images[i] = (float)(2 * drawn("input", step, i) - 1);
    for (uint64_t i = 0; i < BATCH; i++) labels[i] = (float)floor(CLASSES * drawn("labels", step, i));
    shunt_tensor in[5] = {{*pictures, images}, vector(BATCH, labels)}, out[MOST_OUTPUTS];
    size_t nin = 2, nout = 0;
    if (scaled) in[nin++] = vector(1, &self->scale);
    in[nin++] = vector(1, &rate);
    if (scaled) in[nin++] = vector(1, &inverse);
    out[nout++] = (shunt_tensor){shunt_tensor_make(SHUNT_F32, 2, (const int64_t[]){BATCH, CLASSES}), logits};
    out[nout++] = vector(BATCH, losses);
    if (scaled) out[nout++] = vector(1, &nonfinite);
    cr_assert(nout + self->gradients.count <= MOST_OUTPUTS);
    float *unwanted = step ? malloc(1 << 20) : NULL;
    for (size_t g = 0; g < self->gradients.count; g++)
        out[nout++] = (shunt_tensor){self->gradients.descs[g], step ? unwanted : self->gradients.data[g]};
    OK(shunt_executor_run(executor, in, nin, out, nout));
    cr_assert_eq(nonfinite, 0, "step %d: %g elements of gradients overflow", step, (double)nonfinite);
    self->losses[step] = 0;
    for (int i = 0; i < BATCH; i++) self->losses[step] += (double)losses[i] / BATCH;
    free(unwanted);
}

/* The model's weights, and velocities of 0. */
static shunt_weights *make_weights(const shunt_graph *graph, const shunt_weights *from)
{
    shunt_weights *made;
    OK(shunt_weights_create(&made));
    for (uint32_t v = 0; v < graph->nvalues; v++) {
        const graph_value *value = &graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *have = shunt_weights_find(from, value->name);
        void *zeros = calloc(1, shunt_tensor_bytes(&value->desc));
        cr_assert(zeros && (have || value->role == SHUNT_ROLE_VELOCITY), "%s", value->name);
        OK(shunt_weights_set(made, value->name, &value->desc, have ? have->data : zeros));
        free(zeros);
    }
    return made;
}

static void run(const char *precision, float scale, steps *self)
{
    const shunt_model_options small = {.size = sizeof small, .height = SIDE, .width = SIDE};
    const shunt_tensor_desc pictures = shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){BATCH, 3, SIDE, SIDE});
    const shunt_executor_options options = {.size = sizeof options, .precision = precision};
    shunt_device *device;
    shunt_model *model;
    shunt_recipe recipe;
    shunt_graph *graph;
    shunt_executor *executor;
    *self = (steps){.scale = scale};
    OK(shunt_device_open("scalar", "threads=1", &device));
    OK(shunt_model_create("resnet8", &small, &model));
    OK(shunt_model_randomize(model, 1));
    OK(shunt_model_recipe(model, "fast", &recipe));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        OK(shunt_recipe_set(&recipe, fields[i][0], fields[i][1]));
    OK(train_step_graph(shunt_model_graph(model), &recipe,
                        &(train_step_options){.pictures = &pictures, .scaled = scale != 1}, &graph));
    OK(train_gradients_add(&self->gradients, shunt_model_graph(model), graph));
    shunt_weights *weights = make_weights(graph, shunt_model_weights(model));
    OK(shunt_executor_create_with(graph, weights, device, &options, &executor));
    for (int step = 0; step < STEPS; step++) take_step(executor, &pictures, step, self);
    shunt_executor_destroy(executor);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(graph);
    shunt_model_destroy(model);
    shunt_device_close(device);
}

static double loss_error(const steps *self, const json_t *losses)
{
    double most = 0;
    for (int i = 0; i < STEPS; i++)
        most = fmax(most, fabs(self->losses[i] / json_number_value(json_array_get(losses, (size_t)i)) - 1));
    return most;
}

/* Of all gradients of the first step together. */
static double gradient_error(const steps *self, const steps *wide)
{
    double apart = 0, size = 0;
    cr_assert_eq(self->gradients.count, wide->gradients.count);
    for (size_t g = 0; g < self->gradients.count; g++)
        for (uint64_t i = 0; i < shunt_tensor_count(&self->gradients.descs[g]); i++) {
            const double expected = (double)wide->gradients.data[g][i];
            const double d = (double)(self->gradients.data[g][i] / self->scale) - expected;
            apart += d * d;
            size += expected * expected;
        }
    return sqrt(apart / size);
}

static double largest(const json_t *numbers)
{
    double most = 0;
    size_t i;
    json_t *number;
    json_array_foreach(numbers, i, number) most = fmax(most, json_number_value(number));
    return most;
}

Test(train_narrow, is_as_near_to_float64_as_another_librarys_mixed_precision, .timeout = 300)
{
    static const struct {
        const char *name;
        float scale;
    } types[] = {{"bf16", 1}, {"f16", 0x1p14f}};
    /* Multiples of PyTorch's errors. A loss is one number, off by chance; the gradients are many. */
    static const double LOSSES = 4, GRADIENTS = 2;
    json_error_t why;
    json_t *golden = json_load_file(TEST_GOLDEN "/steps_autocast.json", 0, &why);
    cr_assert(golden, "%s", why.text);
    const json_t *losses = json_object_get(golden, "losses");
    double bf16_gradients = 0;
    steps wide;
    run("f32", 1, &wide);
    cr_assert(loss_error(&wide, losses) <= 1e-4, "float32: %g", loss_error(&wide, losses));
    for (size_t t = 0; t < 2; t++) {
        const json_t *theirs = json_object_get(golden, types[t].name);
        const double most_loss = LOSSES * largest(json_object_get(theirs, "losses")),
                     most_gradient = GRADIENTS * json_number_value(json_object_get(theirs, "gradients"));
        steps narrow;
        run(types[t].name, types[t].scale, &narrow);
        const double loss = loss_error(&narrow, losses), gradient = gradient_error(&narrow, &wide);
        cr_expect(loss <= most_loss, "%s: losses off by %g, more than %g", types[t].name, loss, most_loss);
        cr_expect(gradient > 0 && gradient <= most_gradient, "%s: gradients off by %g, more than %g", types[t].name,
                  gradient, most_gradient);
        if (t == 0) bf16_gradients = gradient;
        if (t == 1) cr_expect(bf16_gradients > most_gradient, "the bound tells the types apart");
        train_gradients_end(&narrow.gradients);
    }
    train_gradients_end(&wide.gradients);
    json_decref(golden);
}
