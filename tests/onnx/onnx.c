/* onnx.c - ONNX files that are wrong, or that ask for what Shunt has not: one clear message each, and nothing else. What
 * is right about the reader, onnx_backend.c and onnx_golden.c show. */
#include "runtime/graph/graph.h"
#include "runtime/weights/weights.h"
#include "runtime/onnx/onnx.h"
#include "tests/support/onnx_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_node(const char *op, const char *inputs, text *attribute, int opset, shunt_status status,
                        const char *words)
{
    text graph = small_graph(), model;
    put_node(&graph, op, inputs, "y", attribute);
    model = model_of(&graph, opset);
    expect(&model, status, words);
}

TestSuite(onnx, .init = enter_folder, .fini = leave_folder);

/* ---- What is not supported ------------------------------------------------------------------------------------------ */

Test(onnx, unsupported_nodes_are_named)
{
    expect_node("LSTM", "x", NULL, 17, SHUNT_E_UNSUPPORTED,
                "node 'the node' (LSTM): Shunt has no such operator; export");
    expect_node("Conv", "x x", NULL, 17, SHUNT_E_UNSUPPORTED, "its weights 'x' are computed when the network runs");
    expect_node("LRN", "x", NULL, 17, SHUNT_E_INVALID, "its size is 0, not a number of channels");
    expect_node("Relu", "x", NULL, 5, SHUNT_E_UNSUPPORTED, "opset 5 has another operator of that name");
    expect_node("Relu", "x", NULL, 26, SHUNT_E_UNSUPPORTED, "it uses opset 26; export it with one from 7 to 25");
    expect_node("Relu", "x", NULL, 0, SHUNT_E_INVALID, "does not say which opset");
}

static void expect_transposed(const int64_t *weights, text *attribute, shunt_status status, const char *words)
{
    text graph = small_graph(), model;
    put_floats(&graph, "w", weights, 4, (size_t)(weights[0] * weights[1] * weights[2] * weights[3]));
    put_node(&graph, "ConvTranspose", "x w", "y", attribute);
    model = model_of(&graph, 17);
    expect(&model, status, words);
}

Test(onnx, bad_transposed_convolutions_are_refused)
{
    const int64_t weights[] = {2, 3, 2, 2}, others[] = {3, 1, 2, 2};
    text attribute = ints_attribute("output_padding", (int64_t[]){0, 1}, 2);
    expect_transposed(weights, &attribute, SHUNT_E_UNSUPPORTED, "it adds 1 elements behind its result");
    attribute = ints_attribute("output_padding", (int64_t[]){0}, 1);
    expect_transposed(weights, &attribute, SHUNT_E_INVALID, "output_shape is not of 2 numbers");
    attribute = ints_attribute("output_shape", (int64_t[]){5, 0}, 2);
    expect_transposed(weights, &attribute, SHUNT_E_INVALID, "output_shape is out of range");
    attribute = ints_attribute("pads", (int64_t[]){0, 3, 0, 2}, 4);
    expect_transposed(weights, &attribute, SHUNT_E_INVALID, "its padding leaves nothing of the result");
    expect_transposed(others, NULL, SHUNT_E_INVALID, "1 groups and weights for 3 channels do not fit the input's 2");
    expect_node("ConvTranspose", "x x", NULL, 17, SHUNT_E_UNSUPPORTED, "its weights 'x' are computed");
}

Test(onnx, bad_boxes_are_refused)
{
    text graph = small_graph(), attribute = int_attribute("output_width", 0), model;
    put_floats(&graph, "boxes", (int64_t[]){3, 4}, 2, 12);
    put_ints(&graph, "images", (int64_t[]){0, 0}, 2);
    put_node(&graph, "RoiAlign", "x boxes images", "y", NULL);
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, "its input 'images' has 2 elements instead of 3");
    expect_node("RoiAlign", "x x x", NULL, 17, SHUNT_E_INVALID, "its boxes are not rows of 4");
    graph = small_graph();
    put_floats(&graph, "boxes", (int64_t[]){3, 4}, 2, 12);
    put_node(&graph, "RoiAlign", "x boxes boxes", "y", &attribute);
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, "its output is 1 x 0, its sampling_ratio 0");
}

Test(onnx, inputs_are_missing_or_circular)
{
    expect_node("Relu", "nothing", NULL, 17, SHUNT_E_INVALID,
                "node 'the node' (Relu): nothing makes its input 'nothing'");
    expect_node("Relu", "y", NULL, 17, SHUNT_E_INVALID, "the nodes form a cycle: 'y' depends on itself");
    expect_node("Relu", "", NULL, 17, SHUNT_E_INVALID, "it has 0 inputs instead of 1 to 1");
    text graph = small_graph();
    put_node(&graph, "Relu", "b", "a", NULL); /* a circle of two */
    put_node(&graph, "Relu", "a", "b", NULL);
    put_node(&graph, "Relu", "x", "y", NULL);
    text model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, "form a cycle");
    graph = small_graph();
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, "output 'y': nothing makes it");
    graph = small_graph();
    put_node(&graph, "Relu", "x", "x", NULL);
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, "two values are called 'x'");
}

/* A second output's operator may be any: classes do not come from it. Nor does an input that only it reads count. */
Test(onnx, classes_come_from_the_first_output)
{
    text graph = small_graph(), model;
    put_input(&graph, "state", (int64_t[]){1, 2, 4, 4}, 4);
    put_output(&graph, "h");
    put_node(&graph, "GlobalAveragePool", "x", "y", NULL);
    put_node(&graph, "LSTM", "x state", "h", NULL);
    model = model_of(&graph, 17);
    put_bytes("net.onnx", model.data, model.size);
    onnx_import import;
    cr_assert_eq(onnx_open("net.onnx", &(onnx_options){.classify = true}, &import), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(import.noutputs, 1);
    cr_assert_eq(import.outputs[0].tensor.rank, 2);
    cr_assert_eq(import.outputs[0].tensor.dims[1], 2);
    cr_assert_eq(import.graph->ninputs, 1);
    onnx_close(&import);
    expect(&model, SHUNT_E_UNSUPPORTED, "(LSTM): Shunt has no such operator");
}

/* A file is imported for one picture and may run for more: a constant of one picture's shape is then repeated. */
Test(onnx, a_constant_of_one_picture_serves_a_batch)
{
    const int64_t picture[] = {1, 2, 4, 4}, batch[] = {3, 2, 4, 4};
    text graph = small_graph();
    put_floats(&graph, "c", picture, 4, 32);
    put_node(&graph, "Add", "c x", "s", NULL);
    put_node(&graph, "Add", "s c", "y", NULL);
    text model = model_of(&graph, 17);
    put_bytes("net.onnx", model.data, model.size);
    onnx_import import;
    cr_assert_eq(onnx_open("net.onnx", &(onnx_options){0}, &import), SHUNT_OK, "%s", shunt_last_error());
    for (uint32_t i = 0; i < import.graph->nops; i++) {
        shunt_op_desc op;
        shunt_tensor_desc dst[SHUNT_MAX_OUTPUTS];
        uint32_t count;
        char reason[SHUNT_REASON_CHARS];
        graph_op_desc(import.graph, &import.graph->ops[i], &op);
        for (uint32_t k = 0; k < 2; k++)
            if (!(op.constant_inputs >> k & 1)) memcpy(op.inputs[k].dims, batch, sizeof batch);
        cr_assert(graph_infer(&op, dst, &count, reason), "%s: %s", import.graph->ops[i].name, reason);
        cr_assert_eq(dst[0].dims[0], 3);
    }
    onnx_close(&import);
    free(model.data);
}

/* ---- Numbers that lie ------------------------------------------------------------------------------------------------- */

Test(onnx, shapes_overflow)
{
    int64_t most = INT64_MAX;
    text graph = small_graph(), model;
    put_floats(&graph, "w", (int64_t[]){1 << 30, 1 << 30, 1 << 30}, 3, 1);
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, "tensor 'w': the shape has more than 2^40 elements");
    graph = small_graph();
    put_floats(&graph, "w", (int64_t[]){-1}, 1, 1);
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, "dimension 0 is -1");
    graph = small_graph();
    put_floats(&graph, "w", (int64_t[]){3}, 1, 2);
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, "it has 8 bytes of data; its type and shape need 12");
    graph = small_graph();
    put_ints(&graph, "shape", (int64_t[]){most, most}, 2);
    put_node(&graph, "Reshape", "x shape", "y", NULL);
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, "node 'the node' (Reshape): the shape has more than 2^40 elements");
    text attribute = ints_attribute("kernel_shape", (int64_t[]){most, 1}, 2);
    expect_node("MaxPool", "x", &attribute, 17, SHUNT_E_INVALID, "attribute 'kernel_shape' has a 9223372036854775807");
    attribute = ints_attribute("kernel_shape", (int64_t[]){2, 2, 2}, 3);
    expect_node("MaxPool", "x", &attribute, 17, SHUNT_E_INVALID, "has 3 numbers, not 2");
    attribute = ints_attribute("kernel_shape", (int64_t[]){5, 2}, 2);
    expect_node("MaxPool", "x", &attribute, 17, SHUNT_E_INVALID, "a window of 5 does not fit into 4 elements");
    attribute = ints_attribute("perm", (int64_t[]){0, 1, 1, 2}, 4);
    expect_node("Transpose", "x", &attribute, 17, SHUNT_E_INVALID, "is not valid in a permutation of 4");
    graph = (text){0};
    put_input(&graph, "x", (int64_t[]){1 << 30, 1 << 30}, 2);
    put_output(&graph, "x");
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, "more than 2^40 elements");
}

/* Slice with one step for as many axes as there are. */
static text slice_model(const int64_t *starts, const int64_t *ends, const int64_t *axes, size_t count, int64_t step)
{
    text graph = small_graph();
    put_ints(&graph, "starts", starts, count);
    put_ints(&graph, "ends", ends, count);
    put_ints(&graph, "axes", axes, count);
    put_ints(&graph, "steps", &step, 1);
    put_node(&graph, "Slice", "x starts ends axes steps", "y", NULL);
    return model_of(&graph, 17);
}

Test(onnx, slices_at_the_limits)
{
    const int64_t none[2] = {0, 0}, axis[2] = {3, 4}, least = INT64_MIN, most = INT64_MAX;
    onnx_import import;
    text model = slice_model(none, &most, axis, 1, 0);
    expect(&model, SHUNT_E_INVALID, "node 'the node' (Slice): its step along axis 3 is 0");
    model = slice_model(none, &most, axis + 1, 1, 1);
    expect(&model, SHUNT_E_INVALID, "axis 4 of a tensor of rank 4");
    model = slice_model(none, axis, none, 2, 1);
    expect(&model, SHUNT_E_INVALID, "it has 2 starts, 2 ends, 2 axes and 1 steps");
    model = slice_model(&most, &most, axis, 1, 1);
    expect(&model, SHUNT_E_UNSUPPORTED, "its result has no elements along axis 3");
    expect_node("Slice", "x x x", NULL, 17, SHUNT_E_UNSUPPORTED, "its starts 'x' are computed when the network runs");
    text attribute = ints_attribute("starts", none, 2);
    expect_node("Slice", "x", &attribute, 9, SHUNT_E_INVALID, "it has 2 starts, 0 ends, 0 axes and 0 steps");

    model = slice_model(&least, &least, axis, 1, least); /* NumPy's x[:, :, :, 0:None:-4] */
    cr_assert_eq(open_bytes(model.data, model.size, &import), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(import.outputs[0].tensor.dims[2], 4);
    cr_assert_eq(import.outputs[0].tensor.dims[3], 1);
    onnx_close(&import);
    free(model.data);
}

/* Constants made of nothing: much is refused, and what is not takes no memory. */
Test(onnx, constants_have_an_end)
{
    struct rusage before, after;
    text graph = small_graph(), model;
    put_ints(&graph, "shape", (int64_t[]){1 << 20, 1 << 10, 4}, 3);
    put_node(&graph, "ConstantOfShape", "shape", "big", NULL);
    put_node(&graph, "Concat", "big big", "y", NULL);
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_UNSUPPORTED, "(Concat): it computes");
    graph = small_graph();
    put_ints(&graph, "shape", (int64_t[]){1 << 13, 2, 1 << 7, 1 << 7}, 4); /* 1 GiB of weights */
    put_node(&graph, "ConstantOfShape", "shape", "w", NULL);
    put_input(&graph, "z", (int64_t[]){1, 2, 1 << 7, 1 << 7}, 4);
    put_node(&graph, "Conv", "z w", "y", NULL);
    model = model_of(&graph, 17);
    getrusage(RUSAGE_SELF, &before);
    onnx_import import;
    cr_assert_eq(open_bytes(model.data, model.size, &import), SHUNT_OK, "%s", shunt_last_error());
    getrusage(RUSAGE_SELF, &after);
    cr_assert_lt(after.ru_maxrss - before.ru_maxrss, 64 << 10, "%ld KiB", after.ru_maxrss - before.ru_maxrss);
    const shunt_tensor_view *w = shunt_weights_find(import.weights, "w");
    cr_assert_eq(shunt_tensor_bytes(&w->desc), 1u << 30);
    cr_assert_eq(((const float *)w->data)[(1 << 28) - 1], 0);
    onnx_close(&import);
    free(model.data);
}

/* A node with x (1,2,4,4) and a tensor of whole numbers that makes what no machine has; and nothing is filled for it. */
static void expect_too_large(const char *op, const int64_t *numbers, size_t count, text *attribute)
{
    struct rusage before, after;
    text graph = small_graph();
    put_ints(&graph, "n", numbers, count);
    put_floats(&graph, "w", (int64_t[]){2, 2, 1, 1}, 4, 4);
    put_node(&graph, op, !strcmp(op, "Conv") ? "x w" : "x n", "big", attribute);
    put_node(&graph, "Relu", "big", "y", NULL);
    text model = model_of(&graph, 17);
    getrusage(RUSAGE_SELF, &before);
    expect(&model, SHUNT_E_MEMORY, "GiB, more than the 4.0 GiB that a file of this size may take; export the network");
    getrusage(RUSAGE_SELF, &after);
    cr_assert_lt(after.ru_maxrss - before.ru_maxrss, 64 << 10, "%s: %ld KiB", op, after.ru_maxrss - before.ru_maxrss);
}

Test(onnx, what_a_run_takes_has_an_end)
{
    expect_too_large("Expand", (int64_t[]){1 << 26, 2, 4, 4}, 4, NULL);
    expect_too_large("Pad", (int64_t[]){0, 0, 1 << 14, 1 << 14, 0, 0, 0, 0}, 8, NULL);
    text pads = ints_attribute("pads", (int64_t[]){1 << 14, 1 << 14, 0, 0}, 4);
    expect_too_large("Conv", NULL, 0, &pads);
    text wrap = {0}; /* wraps around: the tensor is doubled until there is enough of it */
    put_text(&wrap, 1, "mode");
    put_text(&wrap, 4, "wrap");
    put_number(&wrap, 20, 3);
    expect_too_large("Pad", (int64_t[]){0, 0, 1 << 14, 1 << 14, 0, 0, 0, 0}, 8, &wrap);
}

/* x doubled 26 times; and 2^20 elements read by 2,000 nodes whose results are all needed in the end. */
Test(onnx, small_steps_are_counted)
{
    text graph = small_graph();
    for (int n = 0; n < 26; n++) {
        text axis = int_attribute("axis", 1);
        char inputs[64], output[16];
        snprintf(inputs, sizeof inputs, "d%d d%d", n - 1, n - 1);
        snprintf(output, sizeof output, "d%d", n);
        put_node(&graph, "Concat", n ? inputs : "x x", n == 25 ? "y" : output, &axis);
    }
    text model = model_of(&graph, 17);
    expect(&model, SHUNT_E_MEMORY, "a run takes");

    text all = {0};
    graph = (text){0};
    put_input(&graph, "x", (int64_t[]){1, 1, 1 << 10, 1 << 10}, 4);
    put_output(&graph, "y");
    for (int n = 0; n < 2000; n++) {
        char name[16], pair[40], sum[16];
        snprintf(name, sizeof name, "r%d", n);
        snprintf(pair, sizeof pair, "%c%d r%d", n > 1 ? 's' : 'r', n - 1, n);
        snprintf(sum, sizeof sum, "s%d", n);
        put_node(&graph, "Relu", "x", name, NULL);
        if (n) put_node(&all, "Add", pair, n == 1999 ? "y" : sum, NULL);
    }
    put(&graph, all.data, all.size);
    free(all.data);
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_MEMORY, "a run takes 7.");
}

/* ---- Constants of another length than the operator needs ------------------------------------------------------------------ */

static void expect_batch_norm(int64_t scales, bool raw, const char *words)
{
    text graph = small_graph(), model, scale = tensor_head("scale", raw ? FLOAT : DOUBLE, &scales, 1);
    double zeros[4096] = {0};
    put_part(&scale, 9, zeros, (size_t)scales * (raw ? sizeof(float) : sizeof(double)));
    put_message(&graph, 5, &scale);
    put_floats(&graph, "v", (int64_t[]){2}, 1, 2);
    put_node(&graph, "BatchNormalization", "x scale v v v", "y", NULL);
    model = model_of(&graph, 17);
    expect(&model, SHUNT_E_INVALID, words);
}

Test(onnx, parameters_have_the_channels_length)
{
    expect_batch_norm(4096, false,
                      "its input 'scale' has 4096 elements instead of 2");       /* would be written past the end */
    expect_batch_norm(1, true, "its input 'scale' has 1 elements instead of 2"); /* would be read past it */
    expect_batch_norm(1, false, "its input 'scale' has 1 elements instead of 2");
}

/* ---- Training mode ---------------------------------------------------------------------------------------------------- */

/* Its scores would depend on what else is in the batch: no network to classify with. */
Test(onnx, training_mode_does_not_classify)
{
    text graph = small_graph(), trains = int_attribute("training_mode", 1), model;
    put_floats(&graph, "v", (int64_t[]){2}, 1, 2);
    put_node(&graph, "BatchNormalization", "x v v v v", "y", &trains);
    model = model_of(&graph, 17);
    put_bytes("net.onnx", model.data, model.size);
    onnx_import import;
    cr_assert_eq(onnx_open("net.onnx", &(onnx_options){.classify = true}, &import), SHUNT_E_UNSUPPORTED);
    cr_assert(strstr(shunt_last_error(), "export the network in evaluation mode"), "%s", shunt_last_error());
    cr_assert_eq(onnx_open("net.onnx", NULL, &import), SHUNT_OK, "%s", shunt_last_error());
    onnx_close(&import);
    free(model.data);
}

/* ---- The wire ------------------------------------------------------------------------------------------------------------ */

Test(onnx, no_protobuf)
{
    text model = {0};
    put(&model, "\x08\x07\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13);
    expect(&model, SHUNT_E_INVALID, "byte 13: a field is longer than the file");
    put(&model, "\x08\x07\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 14);
    expect(&model, SHUNT_E_INVALID, "a number has more than 64 bits");
    put(&model, "\x08\x07\x0b", 3); /* a group */
    expect(&model, SHUNT_E_INVALID, "this is not an ONNX file");
    put(&model, "\x08\x07", 2);
    expect(&model, SHUNT_E_INVALID, "it contains no graph");
    put(&model, "\x08\x07\x3a\x80", 4);
    expect(&model, SHUNT_E_INVALID, "ends within a number");
}

/* 394 KB of messages in messages overflow the stack of readers that recurse. Here an attribute holds them. */
Test(onnx, deep_nesting)
{
    text nested = {0}, attribute = {0};
    for (int i = 0; i < 400;
         i++) { /* a chain of lengths from the inside out would take long: each level is 1 KB more */
        text level = {0};
        char filler[1024] = {0};
        put_text(&level, 2, "deeper");
        if (nested.data) put_message(&level, 6, &nested);
        put_part(&level, 99, filler, sizeof filler - 30);
        nested = level;
    }
    cr_assert_gt(nested.size, 394000);
    put_text(&attribute, 1, "body");
    put_message(&attribute, 6, &nested);
    expect_node("Loop", "x", &attribute, 17, SHUNT_E_UNSUPPORTED, "(Loop): Shunt has no such operator");

    text bytes = {0};
    for (int i = 0; i < 197000; i++) put(&bytes, "\x3a\x7f", 2);
    text model = model_of(&bytes, 17);
    expect(&model, SHUNT_E_INVALID, "byte ");
}

/* The bytes of a file of the golden data. */
static text read_golden(const char *name)
{
    char path[512];
    text t = {0};
    file_mapping file;
    snprintf(path, sizeof path, TEST_GOLDEN "/onnx/%s/model.onnx", name);
    cr_assert_eq(file_map(path, 0, &file), SHUNT_OK, "%s", shunt_last_error());
    put(&t, file.data, file.size);
    file_unmap(&file);
    return t;
}

/* Imports from memory that ends where the input does, so that a sanitizer sees what is read beyond. */
static bool import_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);
    shunt_weights *weights;
    onnx_import import;
    cr_assert(copy && !shunt_weights_create(&weights));
    memcpy(copy, data, size);
    weights->file = (file_mapping){copy, size};
    weights->in_memory = 1;
    bool ok = onnx_import_weights("net.onnx", weights, NULL, &import) == SHUNT_OK;
    if (!ok) cr_assert(!strncmp(shunt_last_error(), "net.onnx: ", 10), "%s", shunt_last_error());
    weights->file = (file_mapping){0};
    onnx_close(&import);
    free(copy);
    return ok;
}

/* Cut at any byte the file is refused: its outputs and opset come last. */
Test(onnx, truncated_at_every_byte)
{
    static const char *const names[] = {"opset17_shapes", "torch_13"};
    for (size_t n = 0; n < 2; n++) {
        text whole = read_golden(names[n]);
        cr_assert(import_copy(whole.data, whole.size), "%s", shunt_last_error());
        for (size_t size = 1; size < whole.size; size++)
            cr_assert(!import_copy(whole.data, size), "the first %zu of %zu bytes are taken for a model", size,
                      whole.size);
        free(whole.data);
    }
}

/* With one byte changed it is refused with a message, or it is another model. */
Test(onnx, one_byte_changed)
{
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    text whole = read_golden("opset19_pools");
    unsigned accepted = 0;
    for (size_t at = 0; at < whole.size; at++)
        for (size_t i = 0; i < sizeof values; i++) {
            uint8_t old = whole.data[at];
            whole.data[at] = values[i];
            accepted += import_copy(whole.data, whole.size);
            whole.data[at] = old;
        }
    cr_assert_gt(accepted, 0);
    free(whole.data);
}

/* 255 additions in 800 bytes, a thousand times: the graph would take more than 100 times what the file does. */
Test(onnx, ops_are_counted)
{
    text graph = small_graph();
    char name[16] = "", last[16];
    for (int n = 0; n < 1000; n++) {
        text node = {0};
        snprintf(last, sizeof last, "%s", name);
        snprintf(name, sizeof name, n < 999 ? "sum%d" : "y", n);
        put_text(&node, 1, n ? last : "x");
        for (int i = 1; i < 256; i++) put_text(&node, 1, "x");
        put_text(&node, 2, name);
        put_text(&node, 4, "Sum");
        put_message(&graph, 1, &node);
    }
    text model = model_of(&graph, 17);
    expect(&model, SHUNT_E_MEMORY, "left of what a file of this size may take");
}
