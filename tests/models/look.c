/* look.c - networks looked into, against PyTorch in float64 on the same weights and pictures (tests/golden/look.py): the deviation
 * of each response, the norm of each gradient, and the logits of networks without some of their blocks. */
#include <shunt/look.h>

#include "tests/support/look_data.h"

#include <jansson.h>
#include <math.h>

TestSuite(look, .init = enter_folder, .fini = leave_folder);

#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

typedef struct look {
    shunt_device *device;
    shunt_dataset *data;
    shunt_model *model;
    shunt_preprocess preprocess;
} look;

static void open_model(look *self, const char *name, const char *shortcut)
{
    shunt_model_options options = {.height = 32, .width = 32, .shortcut = shortcut[0]};
    OK(shunt_model_create(name, &options, &self->model));
    OK(shunt_model_randomize(self->model, 1));
}

static void open_all(look *self, const char *name, const char *shortcut)
{
    put_pictures();
    OK(shunt_device_open("scalar", NULL, &self->device));
    OK(shunt_dataset_open("cifar10:set", NULL, &self->data));
    OK(shunt_preprocess_preset("cifar10", &self->preprocess));
    open_model(self, name, shortcut);
}

static void close_all(look *self)
{
    shunt_model_destroy(self->model);
    shunt_dataset_close(self->data);
    shunt_device_close(self->device);
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value)) cr_assert_fail("PyTorch has no '%s'", key);
    return json_number_value(value);
}

static void expect_near(double value, double expected, double tolerance, const char *what)
{
    if (!(fabs(value / expected - 1) <= tolerance)) cr_assert_fail("%s: %.9g, not %.9g", what, value, expected);
}

static void load_pictures(const look *self, float *images, float *labels)
{
    for (size_t i = 0; i < PICTURES; i++) {
        shunt_image image;
        int64_t label;
        OK(shunt_dataset_get(self->data, i, &image, &label));
        OK(shunt_preprocess_apply(&self->preprocess, &image, images + i * 3072));
        labels[i] = (float)label;
        shunt_image_free(&image);
    }
}

/* ---- Responses ------------------------------------------------------------------------------------------------------ */

static int64_t seen;
static void note_progress(void *context, int64_t done)
{
    (void)context;
    seen = done;
}

static void check_responses(const look *self, const json_t *test, int64_t batch)
{
    shunt_response *responses;
    size_t count;
    shunt_response_options options = {.kernel = 3, .batch = batch, .progress = note_progress};
    const json_t *deviations = json_object_get(test, "deviations");
    OK(shunt_measure_responses(shunt_model_graph(self->model), shunt_model_weights(self->model), self->device,
                               self->data, &self->preprocess, &options, &responses, &count));
    cr_assert_eq(seen, PICTURES);
    cr_assert_eq(count, json_object_size(deviations));
    void *expected = json_object_iter((json_t *)deviations);
    for (size_t i = 0; i < count; i++, expected = json_object_iter_next((json_t *)deviations, expected)) {
        cr_assert_str_eq(responses[i].name, json_object_iter_key(expected)); /* in the same order */
        cr_assert_eq(responses[i].count % PICTURES, 0);
        expect_near(responses[i].deviation, number(deviations, responses[i].name), 1e-5, responses[i].name);
    }
    free(responses);
}

/* ---- Gradients ------------------------------------------------------------------------------------------------------ */

static void check_gradients(const look *self, const json_t *test)
{
    shunt_gradient_norm *norms;
    size_t count;
    float *images = malloc((size_t)PICTURES * 3072 * sizeof *images), labels[PICTURES];
    const json_t *expected = json_object_get(test, "gradients");
    shunt_tensor src = {{.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {PICTURES, 3, 32, 32}}, images};
    cr_assert(images);
    load_pictures(self, images, labels);
    OK(shunt_gradient_norms(shunt_model_graph(self->model), shunt_model_weights(self->model), self->device, &src,
                            labels, &norms, &count));
    cr_assert_eq(count, json_object_size(expected));
    for (size_t i = 0; i < count; i++)
        expect_near(norms[i].norm, number(expected, norms[i].parameter), 1e-3, norms[i].parameter);
    shunt_gradient_norms_free(norms);
    free(images);
}

/* ---- Lesions -------------------------------------------------------------------------------------------------------- */

static void run_graph(const look *self, const shunt_graph *graph, float *logits)
{
    shunt_executor *executor;
    shunt_tensor src = {.desc = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {PICTURES, 3, 32, 32}}};
    shunt_tensor dst = {.desc = {.dtype = SHUNT_F32,
                                 .rank = 2,
                                 .block = SHUNT_PLAIN,
                                 .dims = {PICTURES, shunt_model_classes(self->model)}},
                        .data = logits};
    float *images = src.data = malloc((size_t)shunt_tensor_bytes(&src.desc)), labels[PICTURES];
    cr_assert(images);
    load_pictures(self, images, labels);
    OK(shunt_executor_create(graph, shunt_model_weights(self->model), self->device, &executor));
    OK(shunt_executor_run(executor, &src, 1, &dst, 1));
    shunt_executor_destroy(executor);
    free(images);
}

/* PyTorch's: of the first ten logits of each picture the norm, and those of the first two pictures. */
static void check_lesion(const look *self, const json_t *lesion)
{
    const json_t *names = json_object_get(lesion, "blocks"), *kept = json_object_get(lesion, "logits");
    const char *blocks[4];
    size_t nblocks = json_array_size(names), classes = (size_t)shunt_model_classes(self->model);
    float *logits = calloc(PICTURES * classes, sizeof *logits);
    double norm = 0, error = 0, size = 0;
    shunt_graph *graph;
    cr_assert(logits && nblocks <= 4);
    for (size_t i = 0; i < nblocks; i++) blocks[i] = json_string_value(json_array_get(names, i));
    OK(shunt_model_without(self->model, blocks, nblocks, &graph));
    run_graph(self, graph, logits);
    for (size_t i = 0; i < 10 * PICTURES; i++) {
        double value = (double)logits[i / 10 * classes + i % 10], expected;
        norm += value * value;
        if (i >= json_array_size(kept)) continue;
        expected = json_number_value(json_array_get(kept, i));
        error += (value - expected) * (value - expected);
        size += expected * expected;
    }
    cr_assert(sqrt(error / size) <= 1e-5, "%s: relative L2 error %.3g", blocks[0], sqrt(error / size));
    expect_near(sqrt(norm), number(lesion, "norm"), 1e-5, blocks[0]);
    shunt_graph_destroy(graph);
    free(logits);
}

Test(look, what_pytorch_sees)
{
    json_t *tests = json_load_file(TEST_GOLDEN "/look.json", 0, NULL), *test, *lesion;
    look self;
    size_t i, k;
    cr_assert(json_is_array(tests));
    open_all(&self, "resnet8", "");
    json_array_foreach(tests, i, test)
    {
        shunt_model_destroy(self.model);
        open_model(&self, json_string_value(json_object_get(test, "model")),
                   json_string_value(json_object_get(test, "shortcut")));
        check_responses(&self, test, i ? 4 : 0); /* 4 and 2 of 6 pictures; or all at once */
        if (json_object_get(test, "gradients")) check_gradients(&self, test);
        json_array_foreach(json_object_get(test, "lesions"), k, lesion) check_lesion(&self, lesion);
    }
    cr_assert_eq(i, 5);
    json_decref(tests);
    close_all(&self);
}

/* ---- Results of a graph --------------------------------------------------------------------------------------------- */

static size_t count_outputs(const char *model, int64_t kernel, const char *last)
{
    shunt_model *made;
    shunt_graph *graph;
    size_t count = 0;
    OK(shunt_model_create(model, NULL, &made));
    OK(shunt_graph_copy(shunt_model_graph(made), &graph));
    OK(shunt_graph_output_responses(graph, kernel));
    cr_assert_null(shunt_graph_output_name(shunt_model_graph(made), 1)); /* the model's own is as it was */
    cr_assert_str_eq(shunt_graph_output_name(graph, 0), "logits");
    while (shunt_graph_output_name(graph, count)) count++;
    cr_assert_str_eq(shunt_graph_output_name(graph, count - 1), last);
    shunt_graph_destroy(graph);
    shunt_model_destroy(made);
    return count - 1;
}

/* 6n + 2 layers are 6n + 1 convolutions; bottlenecks have one 3x3 of three, ImageNet's stem is 7x7. */
Test(look, responses_of_which_convolutions)
{
    cr_assert_eq(count_outputs("resnet20", 3, "layer3.2.conv2"), 19);
    cr_assert_eq(count_outputs("plain56", 0, "layer3.8.conv2"), 55);
    cr_assert_eq(count_outputs("resnet18", 3, "layer4.1.conv2"), 16);
    cr_assert_eq(count_outputs("resnet18", 0, "layer4.1.conv2"), 20);
    cr_assert_eq(count_outputs("resnet50", 3, "layer4.2.conv2"), 16);
    cr_assert_eq(count_outputs("resnet50", 7, "conv1"), 1);
}

/* input 1 x 1 x 1 x 2 = (-1, 3), conv 1x1 of weight 2 with bias 1: (-1, 7), of mean 3 and deviation 4, whatever its ReLU does. */
static shunt_graph *tiny_graph(int fused)
{
    shunt_graph *graph = shunt_graph_create();
    shunt_value x = shunt_graph_input(graph, "input", 4, (int64_t[]){1, 1, 1, 2});
    x = shunt_graph_conv(graph, "c", x, 1, 1, 1, 0, 1);
    if (fused) {
        shunt_op_attr attr = {.conv = {.stride = {1, 1}, .dilation = {1, 1}, .groups = 1}};
        shunt_value inputs[] = {x, shunt_graph_parameter(graph, "w", SHUNT_ROLE_WEIGHT, 4, (int64_t[]){1, 1, 1, 1})};
        x = shunt_graph_op(graph, "f", SHUNT_OP_CONV, SHUNT_FLAG_RELU, &attr, 2, inputs);
    }
    shunt_graph_output(graph, "y", shunt_graph_relu(graph, "r", x));
    return graph;
}

Test(look, a_convolution_without_batch_norm)
{
    float images[] = {-1, 3}, weight = 2, bias = 1, y[2], response[2];
    shunt_tensor_desc one = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {1, 1, 1, 1}};
    shunt_tensor_desc two = one, vector = {.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {1}};
    two.dims[3] = 2;
    shunt_graph *graph = tiny_graph(0);
    shunt_weights *weights;
    shunt_device *device;
    shunt_executor *executor;
    OK(shunt_graph_output_responses(graph, 1));
    OK(shunt_weights_create(&weights));
    OK(shunt_weights_set(weights, "c.weight", &one, &weight));
    OK(shunt_weights_set(weights, "c.bias", &vector, &bias));
    OK(shunt_device_open("scalar", NULL, &device));
    OK(shunt_executor_create(graph, weights, device, &executor));
    OK(shunt_executor_run(executor, &(shunt_tensor){two, images}, 1, (shunt_tensor[]){{two, y}, {two, response}}, 2));
    cr_assert(y[0] == 0 && y[1] == 7 && response[0] == -1 && response[1] == 7);
    cr_assert_eq(shunt_graph_output_responses(graph, 3), SHUNT_E_INVALID);
    expect_message("no convolution", "3 x 3");
    shunt_executor_destroy(executor);
    shunt_graph_destroy(graph);
    graph = tiny_graph(1);
    cr_assert_eq(shunt_graph_output_responses(graph, 1), SHUNT_E_UNSUPPORTED);
    expect_message("f includes its ReLU", "not available");
    shunt_graph_destroy(graph);
    shunt_device_close(device);
    shunt_weights_destroy(weights);
}

/* ---- Blocks --------------------------------------------------------------------------------------------------------- */

static void expect_blocks(const char *name, size_t count, size_t reshaping, size_t needed)
{
    shunt_model *model;
    shunt_block block;
    size_t n = 0, reshapes = 0, needs = 0;
    OK(shunt_model_create(name, NULL, &model));
    for (; shunt_model_block(model, n, &block); n++) {
        shunt_graph *graph;
        const char *blocks[] = {block.name};
        reshapes += block.reshapes != 0;
        needs += block.needed != 0;
        cr_assert_eq(shunt_model_without(model, blocks, 1, &graph) == SHUNT_OK, !block.needed, "%s", block.name);
        cr_assert_eq(graph == NULL, block.needed != 0);
        if (!graph) expect_message(block.name, "changes the shape");
        if (graph) cr_assert(shunt_graph_count(graph).macs < shunt_graph_count(shunt_model_graph(model)).macs);
        shunt_graph_destroy(graph);
    }
    cr_assert(n == count && reshapes == reshaping && needs == needed, "%s: %zu %zu %zu", name, n, reshapes, needs);
    shunt_model_destroy(model);
}

Test(look, blocks)
{
    expect_blocks("resnet20", 9, 2, 0);
    expect_blocks("plain20", 9, 2, 2);
    expect_blocks("resnet18", 8, 3, 0);
    expect_blocks("resnet50", 16, 4, 0);
    expect_blocks("plain34", 16, 3, 3);
}

/* Without all that keep their shape, nets of 6n + 2 layers are those of 8, whose other blocks are the stages' first ones. */
Test(look, what_is_left)
{
    static const char *const blocks[] = {"layer1.1", "layer2.1", "layer3.1", "layer1.1"};
    shunt_model *deep, *shallow;
    shunt_graph *graph;
    OK(shunt_model_create("resnet14", NULL, &deep));
    OK(shunt_model_create("resnet8", NULL, &shallow));
    OK(shunt_model_without(deep, blocks, 4, &graph)); /* twice is as once */
    shunt_graph_cost left = shunt_graph_count(graph), expected = shunt_graph_count(shunt_model_graph(shallow));
    cr_assert(left.parameters == expected.parameters && left.macs == expected.macs);
    shunt_graph_destroy(graph);
    OK(shunt_model_without(deep, NULL, 0, &graph));
    cr_assert_eq(shunt_graph_count(graph).macs, shunt_graph_count(shunt_model_graph(deep)).macs);
    shunt_graph_destroy(graph);
    cr_assert_eq(shunt_model_without(deep, (const char *const[]){"layer3.2"}, 1, &graph), SHUNT_E_NOT_FOUND);
    expect_message("resnet14 has no block 'layer3.2'", "layer1.0 to layer3.1");
    cr_assert_eq(shunt_model_without(deep, (const char *const[]){"layer1"}, 1, &graph), SHUNT_E_NOT_FOUND);
    cr_assert_null(graph);
    shunt_model_destroy(shallow);
    shunt_model_destroy(deep);
}

/* ---- Bad input ------------------------------------------------------------------------------------------------------ */

/* Whose parameters' names begin with the backbone's. */
Test(look, what_is_left_of_a_backbone)
{
    static const char *const nets[] = {"fcn_resnet50", "retinanet_resnet18_fpn"};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        shunt_model *model;
        shunt_graph *graph;
        OK(shunt_model_create(nets[i], NULL, &model));
        OK(shunt_model_without(model, (const char *const[]){"layer3.1"}, 1, &graph));
        const uint64_t whole = shunt_graph_count(shunt_model_graph(model)).parameters;
        /* Two convolutions of 3x3 and 256 channels, or a bottleneck of 1024 and 256, and their batch norms' scales and shifts. */
        const uint64_t block =
            i ? 2 * (256 * 256 * 9 + 2 * 256) : 2 * 1024 * 256 + 256 * 256 * 9 + 2 * (256 + 256 + 1024);
        cr_assert_eq(whole - shunt_graph_count(graph).parameters, block, "%s", nets[i]);
        shunt_graph_destroy(graph);
        shunt_model_destroy(model);
    }
}

Test(look, bad_input)
{
    look self;
    shunt_response *responses;
    shunt_score score;
    size_t count;
    open_all(&self, "resnet8", "");
    shunt_response_options options = {.batch = -1};
    const shunt_graph *graph = shunt_model_graph(self.model);
    const shunt_weights *weights = shunt_model_weights(self.model);
    cr_assert_eq(
        shunt_measure_responses(graph, weights, self.device, self.data, &self.preprocess, &options, &responses, &count),
        SHUNT_E_INVALID);
    expect_message("a batch of", "-1");
    OK(shunt_evaluate_with(graph, weights, self.device, self.data, &self.preprocess,
                           &(shunt_evaluate_options){.limit = 5, .batch = 2, .progress = note_progress}, &score));
    cr_assert(score.pictures == 5 && seen == 5);
    close_all(&self);
}

Test(look, weights_that_give_no_numbers)
{
    look self;
    shunt_weights *bad;
    shunt_response *responses;
    size_t count;
    open_all(&self, "resnet8", "");
    const shunt_graph *graph = shunt_model_graph(self.model);
    OK(shunt_model_save(self.model, "good"));
    OK(shunt_weights_open("good", &bad));
    const shunt_tensor_view *scale = shunt_weights_find(bad, "layer2.0.bn1.weight");
    shunt_tensor_desc desc = scale->desc;
    float values[32] = {[7] = INFINITY};
    OK(shunt_weights_set(bad, "layer2.0.bn1.weight", &desc, values));
    cr_assert_eq(
        shunt_measure_responses(graph, bad, self.device, self.data, &self.preprocess, NULL, &responses, &count),
        SHUNT_E_INVALID);
    expect_message("layer2.0.conv1", "not finite");
    shunt_weights_destroy(bad);
    close_all(&self);
}
