/* onnx_file.h - writes ONNX files byte by byte, and opens them. */
#ifndef SHUNT_TESTS_ONNX_FILE_H
#define SHUNT_TESTS_ONNX_FILE_H

#include "runtime/onnx/onnx.h"
#include "tests/support/temporary.h"

/* ---- Writing protobuf -------------------------------------------------------------------------------------------- */

typedef struct text {
    uint8_t *data;
    size_t size, room;
} text;

static inline void put(text *t, const void *data, size_t size)
{
    if (t->size + size >= t->room) {
        t->room = 2 * (t->size + size) + 64;
        t->data = realloc(t->data, t->room);
        if (!t->data) cr_assert_fail("no memory");
    }
    if (size) memcpy(t->data + t->size, data, size);
    t->size += size;
}

static inline void put_varint(text *t, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)(value & 0x7f) | (value > 0x7f ? 0x80 : 0);
        put(t, &byte, 1);
    } while (value >>= 7);
}

static inline void put_number(text *t, uint32_t field, uint64_t value)
{
    put_varint(t, field << 3);
    put_varint(t, value);
}

static inline void put_part(text *t, uint32_t field, const void *data, size_t size)
{
    put_varint(t, field << 3 | 2);
    put_varint(t, size);
    put(t, data, size);
}

static inline void put_text(text *t, uint32_t field, const char *value)
{
    put_part(t, field, value, strlen(value));
}

/* Appends the message and frees it. */
static inline void put_message(text *t, uint32_t field, text *message)
{
    put_part(t, field, message->data ? (const void *)message->data : "", message->size);
    free(message->data);
    *message = (text){0};
}

/* ---- Writing ONNX ------------------------------------------------------------------------------------------------ */

enum { FLOAT = 1, INT64 = 7, STRING = 8, FLOAT16 = 10, DOUBLE = 11 };

static inline void put_input(text *graph, const char *name, const int64_t *dims, size_t rank)
{
    text shape = {0}, tensor = {0}, type = {0}, info = {0};
    for (size_t i = 0; i < rank; i++) {
        text dim = {0};
        put_number(&dim, 1, (uint64_t)dims[i]);
        put_message(&shape, 1, &dim);
    }
    put_number(&tensor, 1, FLOAT);
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&info, 1, name);
    put_message(&info, 2, &type);
    put_message(graph, 11, &info);
}

static inline void put_output(text *graph, const char *name)
{
    text info = {0};
    put_text(&info, 1, name);
    put_message(graph, 12, &info);
}

static inline text tensor_head(const char *name, int type, const int64_t *dims, size_t rank)
{
    text tensor = {0};
    for (size_t i = 0; i < rank; i++) put_number(&tensor, 1, (uint64_t)dims[i]);
    put_number(&tensor, 2, (uint64_t)type);
    put_text(&tensor, 8, name);
    return tensor;
}

static inline void put_floats(text *graph, const char *name, const int64_t *dims, size_t rank, size_t count)
{
    text tensor = tensor_head(name, FLOAT, dims, rank);
    float *zeros = calloc(count + 1, sizeof *zeros);
    put_part(&tensor, 9, zeros, count * sizeof *zeros);
    free(zeros);
    put_message(graph, 5, &tensor);
}

static inline void put_ints(text *graph, const char *name, const int64_t *values, size_t count)
{
    text tensor = tensor_head(name, INT64, (int64_t[]){(int64_t)count}, 1);
    put_part(&tensor, 9, values, count * sizeof *values);
    put_message(graph, 5, &tensor);
}

/* texts: separated by spaces. */
static inline void put_texts(text *graph, const char *name, const char *texts, size_t count)
{
    text tensor = tensor_head(name, STRING, (int64_t[]){(int64_t)count}, 1);
    char copy[256];
    snprintf(copy, sizeof copy, "%s", texts);
    for (char *one = strtok(copy, " "); one; one = strtok(NULL, " ")) put_text(&tensor, 6, one);
    put_message(graph, 5, &tensor);
}

/* inputs: separated by spaces. attribute: an AttributeProto or NULL. */
static inline void put_node(text *graph, const char *op, const char *inputs, const char *output, text *attribute)
{
    text node = {0};
    char copy[256];
    snprintf(copy, sizeof copy, "%s", inputs);
    for (char *name = strtok(copy, " "); name; name = strtok(NULL, " ")) put_text(&node, 1, name);
    put_text(&node, 2, output);
    put_text(&node, 3, "the node");
    put_text(&node, 4, op);
    if (attribute) put_message(&node, 5, attribute);
    put_message(graph, 1, &node);
}

static inline text int_attribute(const char *name, int64_t value)
{
    text attribute = {0};
    put_text(&attribute, 1, name);
    put_number(&attribute, 3, (uint64_t)value);
    put_number(&attribute, 20, 2);
    return attribute;
}

static inline text ints_attribute(const char *name, const int64_t *values, size_t count)
{
    text attribute = {0};
    put_text(&attribute, 1, name);
    for (size_t i = 0; i < count; i++) put_number(&attribute, 8, (uint64_t)values[i]);
    put_number(&attribute, 20, 7);
    return attribute;
}

/* The model around a graph, which is freed. */
static inline text model_of(text *graph, int opset)
{
    text model = {0}, set = {0};
    put_number(&model, 1, 8);
    put_number(&set, 2, (uint64_t)opset);
    put_message(&model, 7, graph);
    put_message(&model, 8, &set);
    return model;
}

static inline shunt_status open_bytes(const void *data, size_t size, onnx_import *out)
{
    put_bytes("net.onnx", data, size);
    return onnx_open("net.onnx", NULL, out);
}

/* The file is refused with this status and a message with these words. */
static inline void expect(text *model, shunt_status status, const char *words)
{
    onnx_import import;
    shunt_status is = open_bytes(model->data, model->size, &import);
    cr_assert_eq(is, status, "status %d instead of %d: %s", is, status, shunt_last_error());
    cr_assert(strstr(shunt_last_error(), words), "'%s' says nothing of '%s'", shunt_last_error(), words);
    cr_assert(strstr(shunt_last_error(), "net.onnx: "), "'%s' does not name the file", shunt_last_error());
    free(model->data);
    *model = (text){0};
}

/* A graph with input x (1,2,4,4) and output y. */
static inline text small_graph(void)
{
    text graph = {0};
    put_input(&graph, "x", (int64_t[]){1, 2, 4, 4}, 4);
    put_output(&graph, "y");
    return graph;
}

#endif
