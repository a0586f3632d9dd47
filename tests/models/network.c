/* network.c - networks out of files as they are: ports, types, open dimensions, constants; files in memory; values by name. */
#include <shunt/shunt.h>

#include <math.h>

#include "tests/support/onnx_file.h"

TestSuite(network, .init = enter_folder, .fini = leave_folder);

#define OK(call) cr_assert_eq(call, SHUNT_OK, "%s", shunt_last_error())

/* ---- Ports ------------------------------------------------------------------------------------------------------ */

static void put_dim(text *shape, int64_t size, const char *name)
{
    text dim = {0};
    if (name) put_text(&dim, 2, name);
    if (size) put_number(&dim, 1, (uint64_t)size);
    put_message(shape, 1, &dim);
}

/* An input or output of rank 4: N x 2 x H x 4, with open dimensions "batch" and one without a name. */
static void put_open(text *graph, uint32_t field, const char *name, int type)
{
    text shape = {0}, tensor = {0}, declared = {0}, info = {0};
    put_dim(&shape, 0, "batch");
    put_dim(&shape, 2, NULL);
    put_dim(&shape, 0, NULL);
    put_dim(&shape, 4, NULL);
    put_number(&tensor, 1, (uint64_t)type);
    put_message(&tensor, 2, &shape);
    put_message(&declared, 1, &tensor);
    put_text(&info, 1, name);
    put_message(&info, 2, &declared);
    put_message(graph, field, &info);
}

/* x -> y = Relu(x), its shape as s, and t, which is the text input. */
static text open_net(void)
{
    text graph = {0};
    put_open(&graph, 11, "x", FLOAT);
    put_open(&graph, 11, "words", STRING);
    put_open(&graph, 12, "y", FLOAT);
    put_output(&graph, "s");
    put_output(&graph, "t");
    put_node(&graph, "Relu", "x", "y", NULL);
    put_node(&graph, "Shape", "x", "s", NULL);
    put_node(&graph, "Identity", "words", "t", NULL);
    return model_of(&graph, 17);
}

Test(network, ports_are_listed_as_the_file_declares_them)
{
    shunt_network *network;
    text model = open_net();
    put_bytes("net.onnx", model.data, model.size);
    OK(shunt_import("net.onnx", &(shunt_import_options){.ports_only = 1}, &network));
    const shunt_port *x = shunt_network_input(network, 0), *words = shunt_network_input(network, 1);
    cr_assert(x && words && !shunt_network_input(network, 2));
    cr_assert_str_eq(x->name, "x");
    cr_assert_str_eq(x->type, "FLOAT");
    cr_assert_str_eq(words->type, "STRING");
    cr_assert(x->rank == 4 && x->dims[0] == -1 && x->dims[1] == 2 && x->dims[2] == -1 && x->dims[3] == 4);
    cr_assert_str_eq(x->axes[0], "batch");
    cr_assert(!x->axes[1] && !x->axes[2] && !x->axes[3]);
    cr_assert(shunt_network_output(network, 2) && !shunt_network_output(network, 3));
    cr_assert_str_eq(shunt_network_output(network, 0)->axes[0], "batch");
    cr_assert_eq(shunt_network_output(network, 1)->rank, -1);
    cr_assert(!shunt_network_graph(network) && !shunt_network_weights(network));
    cr_assert_eq(x->index, -1);
    shunt_network_destroy(network);
    cr_assert_eq(shunt_import("net.onnx", NULL, &network), SHUNT_E_UNSUPPORTED);
    expect_message("net.onnx: input 'words'", "STRING");
    free(model.data);
}

Test(network, known_inputs_close_shapes_and_become_constants)
{
    static const char *const texts[] = {"eins", "", "drei"};
    const shunt_import_input known[] = {{"x", NULL, 4, {5, 2, 3, 4}, NULL}, {"words", "STRING", 1, {3}, texts}};
    shunt_network *network;
    text model = open_net();
    OK(shunt_import_bytes(model.data, model.size, &(shunt_import_options){.inputs = known, .ninputs = 2}, &network));
    memset(model.data, 0xff, model.size); /* nothing of it is needed any more */
    const shunt_port *x = shunt_network_input(network, 0), *s = shunt_network_output(network, 1),
                     *t = shunt_network_output(network, 2);
    cr_assert_eq(x->index, 0);
    cr_assert_eq(shunt_network_input(network, 1)->index, -1);
    cr_assert(x->shape_rank == 4 && x->shape[0] == 5 && x->shape[2] == 3);
    cr_assert_eq(shunt_network_output(network, 0)->index, 0);
    cr_assert_eq(shunt_network_output(network, 0)->shape[2], 3);
    const int64_t shape[] = {5, 2, 3, 4};
    cr_assert(s->index == -1 && s->shape_rank == 1 && s->shape[0] == 4);
    cr_assert_str_eq(s->type, "INT64");
    cr_assert(!memcmp(s->data, shape, sizeof shape));
    const char *const *said = t->data;
    cr_assert(t->shape_rank == 1 && t->shape[0] == 3);
    for (int i = 0; i < 3; i++) cr_assert_str_eq(said[i], texts[i]);
    shunt_network_destroy(network);
    free(model.data);
}

Test(network, what_is_known_of_inputs_is_checked)
{
    const shunt_import_input bad[] = {{"x", NULL, 4, {5, 3, 3, 4}, NULL}, {"x", NULL, 3, {5, 3, 3}, NULL},
                                      {"x", NULL, 9, {1}, NULL},          {"x", NULL, 4, {0, 2, 3, 4}, NULL},
                                      {"words", "LETTERS", 1, {1}, "x"},  {NULL, NULL, 1, {1}, NULL}};
    static const char *const words[] = {"the shape that was given is not one that the file allows",
                                        "the shape that was given is not one that the file allows",
                                        "rank 9 is over 8",
                                        "dimension 0 is not a size",
                                        "'LETTERS' is no type",
                                        "an input's name"};
    shunt_network *network;
    text model = open_net();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const shunt_import_options options = {.inputs = &bad[i], .ninputs = 1};
        cr_assert_eq(shunt_import_bytes(model.data, model.size, &options, &network), SHUNT_E_INVALID);
        expect_message("", words[i]);
        cr_assert_null(network);
    }
    free(model.data);
}

/* ---- Files in memory ---------------------------------------------------------------------------------------------- */

static uint8_t *read_all(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) cr_assert_fail("cannot open %s", path);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size);
    if (!bytes || fread(bytes, 1, *size, file) != *size) cr_assert_fail("cannot read %s", path);
    fclose(file);
    return bytes;
}

static shunt_device *open_scalar(void)
{
    shunt_device *device;
    OK(shunt_device_open("scalar", NULL, &device));
    return device;
}

enum { SIDE = 32, CLASSES = 7, PIXELS = 3 * SIDE * SIDE };

static void run_model(shunt_model *model, shunt_device *device, int64_t n, float *logits)
{
    static float pixels[2 * PIXELS];
    for (int i = 0; i < 2 * PIXELS; i++) pixels[i] = sinf((float)i);
    OK(shunt_model_run(model, device, n, SIDE, SIDE, pixels, logits));
}

static void save_model(const char *name, const char *path)
{
    shunt_model *model;
    OK(shunt_model_create(name, &(shunt_model_options){.classes = CLASSES, .shortcut = 'B'}, &model));
    OK(shunt_model_randomize(model, 3));
    OK(shunt_model_save(model, path));
    shunt_model_destroy(model);
}

/* A plan gives the memory of mapped weights back; what is in memory alone has to stay for the next plan. */
Test(network, a_model_from_memory_is_the_same)
{
    float by_path[2 * CLASSES], by_bytes[2 * CLASSES];
    size_t size;
    save_model("resnet20", "w.safetensors");
    uint8_t *bytes = read_all("w.safetensors", &size);
    shunt_device *device = open_scalar();
    shunt_model *a, *b;
    OK(shunt_model_open("w.safetensors", NULL, &a));
    OK(shunt_model_open_bytes(bytes, size, NULL, &b));
    memset(bytes, 0xff, size);
    free(bytes);
    for (int64_t n = 1; n <= 2; n++) {
        run_model(a, device, n, by_path);
        run_model(b, device, n, by_bytes);
        cr_assert(!memcmp(by_path, by_bytes, (size_t)n * CLASSES * sizeof(float)), "batch %d", (int)n);
    }
    shunt_model_destroy(a);
    shunt_model_destroy(b);
    shunt_device_close(device);
}

Test(network, memory_has_no_files_beside_it)
{
    static const char index[] = "{\"weight_map\": {\"a\": \"w.safetensors\"}}";
    char path[512];
    size_t size;
    shunt_network *network;
    shunt_weights *weights;
    snprintf(path, sizeof path, "%s/onnx/opset17_residual_external/model.onnx", TEST_GOLDEN);
    OK(shunt_import(path, NULL, &network));
    shunt_network_destroy(network);
    uint8_t *bytes = read_all(path, &size);
    cr_assert_eq(shunt_import_bytes(bytes, size, NULL, &network), SHUNT_E_UNSUPPORTED);
    expect_message("the file in memory: ", "its data is in another file");
    free(bytes);
    save_model("resnet8", "w.safetensors");
    put_bytes("index.json", index, sizeof index - 1);
    cr_assert_eq(shunt_weights_open_bytes(index, sizeof index - 1, &weights), SHUNT_E_UNSUPPORTED);
    expect_message("", "cannot be read from memory");
    cr_assert_eq(shunt_weights_open_bytes(index, 0, &weights), SHUNT_E_INVALID);
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1) cr_assert_fail("no /proc/self/statm");
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    cr_assert(dir);
    while (readdir(dir)) count++;
    closedir(dir);
    return count;
}

/* From a path and from memory by turns; every tenth is run. */
Test(network, models_come_and_go)
{
    enum { TIMES = 500, SETTLED = 50, MOST_KIB = 2048 };
    float logits[CLASSES];
    size_t size;
    save_model("resnet8", "w.safetensors");
    uint8_t *bytes = read_all("w.safetensors", &size);
    shunt_device *device = open_scalar();
    long before = 0;
    int open_before = 0;
    for (int i = 0; i < TIMES; i++) {
        shunt_model *model;
        if (i == SETTLED) before = resident_kib(), open_before = descriptors();
        if (i % 2 ? shunt_model_open("w.safetensors", NULL, &model) : shunt_model_open_bytes(bytes, size, NULL, &model))
            cr_assert_fail("%s", shunt_last_error());
        if (i % 10 == 0) run_model(model, device, 1, logits);
        shunt_model_destroy(model);
    }
    cr_assert_eq(descriptors(), open_before);
#ifndef __SANITIZE_ADDRESS__ /* it keeps what is freed */
    cr_assert_lt(resident_kib(), before + MOST_KIB);
#endif
    shunt_device_close(device);
    free(bytes);
}

/* ---- Weight files that say of which network they are -------------------------------------------------------------- */

Test(network, a_weight_file_opens_as_the_model_that_it_names)
{
    shunt_model *model;
    shunt_network *network;
    save_model("resnet20", "w.safetensors");
    OK(shunt_model_open("w.safetensors", NULL, &model));
    cr_assert_str_eq(shunt_model_name(model), "resnet20");
    cr_assert_eq(shunt_model_classes(model), CLASSES);
    cr_assert_neq(shunt_graph_find(shunt_model_graph(model), "layer2.0.downsample.0"), SHUNT_NO_VALUE, "not option B");
    shunt_model_destroy(model);
    OK(shunt_import("w.safetensors", NULL, &network));
    cr_assert_str_eq(shunt_network_input(network, 0)->axes[0], "batch");
    cr_assert_eq(shunt_network_output(network, 0)->dims[1], CLASSES);
    cr_assert_eq(shunt_network_output(network, 0)->index, 0);
    cr_assert_gt(shunt_weights_count(shunt_network_weights(network)), 20);
    shunt_network_destroy(network);
    cr_assert_eq(shunt_model_open("w.safetensors",
                                  &(shunt_model_options){.size = sizeof(shunt_model_options), .name = "resnet32"},
                                  &model),
                 SHUNT_E_INVALID);
    expect_message("w.safetensors", "of a resnet20, not of a resnet32");
}

Test(network, other_weight_files_are_told_by_their_tensors)
{
    const float number = 1;
    const shunt_tensor_desc desc = {.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {1}};
    const shunt_model_options named = {.size = sizeof named, .name = "resnet20", .classes = CLASSES, .shortcut = 'B'};
    shunt_weights *weights, *copy;
    shunt_model *model;
    save_model("resnet20", "w.safetensors");
    OK(shunt_weights_open("w.safetensors", &weights));
    OK(shunt_weights_create(&copy));
    for (size_t i = 0; i < shunt_weights_count(weights); i++) {
        const shunt_tensor_view *view = shunt_weights_at(weights, i);
        OK(shunt_weights_set(copy, view->name, &view->desc, view->data));
    }
    OK(shunt_weights_save(copy, "bare.safetensors"));
    OK(shunt_model_open("bare.safetensors", NULL, &model));
    cr_assert_str_eq(shunt_model_name(model), "resnet20");
    cr_assert_eq(shunt_model_classes(model), CLASSES);
    cr_assert_neq(shunt_graph_find(shunt_model_graph(model), "layer2.0.downsample.0"), SHUNT_NO_VALUE, "not option B");
    cr_assert_not_null(shunt_model_assumption(model));
    shunt_model_destroy(model);
    OK(shunt_model_open("bare.safetensors", &named, &model));
    cr_assert_str_eq(shunt_model_name(model), "resnet20");
    cr_assert_null(shunt_model_assumption(model));
    shunt_model_destroy(model);
    OK(shunt_weights_set_metadata(copy, "model", "resnet20")); /* as other producers do */
    OK(shunt_weights_save(copy, "named.safetensors"));
    OK(shunt_model_open("named.safetensors", &(shunt_model_options){.classes = CLASSES, .shortcut = 'B'}, &model));
    shunt_model_destroy(model);
    OK(shunt_weights_set_metadata(copy, "model", "my own"));
    OK(shunt_weights_set(copy, "other", &desc, &number));
    OK(shunt_weights_save(copy, "own.safetensors"));
    cr_assert_eq(shunt_model_open("own.safetensors", NULL, &model), SHUNT_E_NOT_FOUND);
    expect_message("own.safetensors: ", "does not say which network it is of");
    expect_message("own.safetensors: ", "torch.onnx.export(");
    shunt_weights_destroy(weights);
    shunt_weights_destroy(copy);
}

/* ---- Values by name ------------------------------------------------------------------------------------------------ */

/* The pooled features and the map before them, of a network cut there; the means and the classifier are computed here. */
Test(network, a_cut_network_gives_what_is_inside)
{
    static const char *const names[] = {"layer3.2.relu", "avgpool"};
    enum { N = 2, C = 64, PQ = 64 };
    static float map[N * C * PQ], pooled[N * C], logits[N * CLASSES], pixels[N * PIXELS];
    shunt_model *model;
    shunt_graph *graph;
    shunt_executor *executor;
    shunt_device *device = open_scalar();
    save_model("resnet20", "w.safetensors");
    OK(shunt_model_open("w.safetensors", NULL, &model));
    for (int i = 0; i < N * PIXELS; i++) pixels[i] = sinf((float)i);
    run_model(model, device, N, logits);
    OK(shunt_graph_cut(shunt_model_graph(model), names, 2, &graph));
    cr_assert_str_eq(shunt_graph_output_name(graph, 0), names[0]);
    cr_assert_eq(shunt_graph_find(graph, "fc"), SHUNT_NO_VALUE, "the classifier is still there");
    cr_assert_eq(shunt_graph_features(shunt_model_graph(model)), shunt_graph_output_value(graph, 1));
    OK(shunt_executor_create(graph, shunt_model_weights(model), device, &executor));
    const shunt_tensor src = {{SHUNT_F32, 4, 1, 0, {N, 3, SIDE, SIDE}}, pixels};
    const shunt_tensor dst[] = {{{SHUNT_F32, 4, 1, 0, {N, C, 8, 8}}, map}, {{SHUNT_F32, 2, 1, 0, {N, C}}, pooled}};
    OK(shunt_executor_run(executor, &src, 1, dst, 2));
    const float *weights = shunt_weights_find(shunt_model_weights(model), "fc.weight")->data,
                *bias = shunt_weights_find(shunt_model_weights(model), "fc.bias")->data;
    for (int i = 0; i < N * C; i++) {
        double sum = 0;
        for (int k = 0; k < PQ; k++) sum += (double)map[i * PQ + k];
        cr_assert_float_eq(pooled[i], sum / PQ, 1e-5 * (1 + fabs(sum / PQ)));
    }
    for (int i = 0; i < N * CLASSES; i++) {
        double sum = (double)bias[i % CLASSES];
        for (int c = 0; c < C; c++) sum += (double)weights[i % CLASSES * C + c] * (double)pooled[i / CLASSES * C + c];
        cr_assert_float_eq(logits[i], sum, 1e-4 * (1 + fabs(sum)));
    }
    shunt_executor_destroy(executor);
    shunt_graph_destroy(graph);
    shunt_model_destroy(model);
    shunt_device_close(device);
}

Test(network, values_are_named_as_the_file_names_them)
{
    shunt_network *network;
    text graph = small_graph();
    put_node(&graph, "Relu", "x", "relued", NULL);
    put_node(&graph, "Identity", "relued", "same", NULL);
    put_node(&graph, "GlobalAveragePool", "same", "y", NULL);
    text model = model_of(&graph, 17);
    OK(shunt_import_bytes(model.data, model.size, NULL, &network));
    const shunt_graph *made = shunt_network_graph(network);
    const shunt_value relu = shunt_graph_find(made, "relued");
    cr_assert_neq(relu, SHUNT_NO_VALUE);
    cr_assert_eq(shunt_graph_find(made, "same"), relu, "what only passes on has its value");
    cr_assert_neq(shunt_graph_find(made, "the node"), SHUNT_NO_VALUE, "a node's own name");
    cr_assert_str_eq(shunt_graph_value_name(made, relu), "relued");
    cr_assert_eq(shunt_graph_find(made, "x"), shunt_graph_input_value(made, 0));
    shunt_network_destroy(network);
    free(model.data);
}

Test(network, a_cut_says_what_is_not_there)
{
    static const char *const wrong[] = {"layer9.0.add"}, *const missing[] = {NULL};
    shunt_model *model;
    shunt_graph *graph;
    OK(shunt_model_create("resnet8", NULL, &model));
    cr_assert_eq(shunt_graph_cut(shunt_model_graph(model), wrong, 1, &graph), SHUNT_E_NOT_FOUND);
    expect_message("'layer9.0.add'", "its last one is 'fc'");
    cr_assert_eq(shunt_graph_cut(shunt_model_graph(model), missing, 1, &graph), SHUNT_E_INVALID);
    cr_assert_eq(shunt_graph_cut(shunt_model_graph(model), wrong, 0, &graph), SHUNT_E_INVALID);
    cr_assert_null(graph);
    shunt_model_destroy(model);
}
