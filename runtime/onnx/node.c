/* node.c - attributes of a node, read out of its message when they are asked for. */
#include "runtime/onnx/importer.h"

#include <string.h>

#include "runtime/base/error.h"

enum { /* fields of NodeProto and AttributeProto */
       NODE_ATTRIBUTE = 5,
       NAME = 1,
       FLOAT = 2,
       INT = 3,
       TEXT = 4,
       TENSOR = 5,
       FLOATS = 7,
       INTS = 8,
       TEXTS = 9,
       LAST_KIND = 11
};

static shunt_status fail(const char *name, wire *reader, const char *wanted)
{
    if (reader->status) return error_context(reader->status, "attribute '%s'", name);
    return error_fail(SHUNT_E_INVALID, "attribute '%s' is not %s", name, wanted);
}

shunt_status onnx_attribute(const onnx_node *node, const char *name, wire_bytes *out)
{
    wire reader = wire_open(node->message, node->in->file);
    wire_field field, part;
    *out = (wire_bytes){0};
    while (wire_next(&reader, &field)) {
        if (field.number != NODE_ATTRIBUTE) continue;
        if (!wire_expect(&reader, &field, WIRE_BYTES, "an attribute")) break;
        wire attribute = wire_open(field.bytes, node->in->file);
        while (wire_next(&attribute, &part)) {
            if (part.number != NAME || part.type != WIRE_BYTES || !wire_is(part.bytes, name)) continue;
            if (out->data) return error_fail(SHUNT_E_INVALID, "attribute '%s' occurs twice", name);
            *out = field.bytes;
        }
        if (attribute.status) return attribute.status;
    }
    return reader.status;
}

/* What the attribute `name` holds in the field of this number, zero or nothing when it holds nothing at all, since
 * exporters may leave zeros out. *there says whether there is such an attribute. */
static shunt_status find(const onnx_node *node, const char *name, uint32_t number, wire_type type, const char *wanted,
                         wire_field *out, bool *there)
{
    wire_bytes message;
    wire_field field;
    bool other = false;
    shunt_status status = onnx_attribute(node, name, &message);
    *there = message.data != NULL;
    *out = (wire_field){0};
    if (status || !*there) return status;
    wire reader = wire_open(message, node->in->file);
    while (wire_next(&reader, &field)) {
        if (field.number == number && field.type == type)
            *out = field;
        else
            other |= field.number >= FLOAT && field.number <= LAST_KIND;
    }
    return reader.status || other ? fail(name, &reader, wanted) : SHUNT_OK;
}

shunt_status onnx_attribute_int(const onnx_node *node, const char *name, int64_t *out)
{
    wire_field field;
    bool there;
    shunt_status status = find(node, name, INT, WIRE_VARINT, "a whole number", &field, &there);
    if (!status && there) *out = (int64_t)field.value;
    return status;
}

shunt_status onnx_attribute_float(const onnx_node *node, const char *name, float *out)
{
    wire_field field;
    bool there;
    shunt_status status = find(node, name, FLOAT, WIRE_FIXED32, "a number", &field, &there);
    uint32_t word = (uint32_t)field.value;
    if (!status && there) memcpy(out, &word, sizeof word);
    return status;
}

shunt_status onnx_attribute_text(const onnx_node *node, const char *name, wire_bytes *out)
{
    wire_field field;
    bool there;
    shunt_status status = find(node, name, TEXT, WIRE_BYTES, "a text", &field, &there);
    if (!status && there) *out = field.bytes;
    return status;
}

shunt_status onnx_attribute_tensor(const onnx_node *node, const char *name, onnx_tensor *out, bool *there)
{
    importer *in = node->in;
    wire_field field;
    shunt_status status = find(node, name, TENSOR, WIRE_BYTES, "a tensor", &field, there);
    if (status || !*there) return status;
    status = onnx_tensor_read(field.bytes, in->file, &in->folder, &in->memory, out, NULL);
    return status ? error_context(status, "attribute '%s'", name) : SHUNT_OK;
}

shunt_status onnx_attribute_ints(const onnx_node *node, const char *name, onnx_ints *out)
{
    wire_bytes message;
    wire_field field;
    uint64_t value;
    *out = (onnx_ints){0};
    shunt_status status = onnx_attribute(node, name, &message);
    if (status || !message.data) return status;
    wire reader = wire_open(message, node->in->file);
    while (wire_next(&reader, &field)) {
        if (field.number != INTS) continue;
        for (wire_items items = wire_items_open(&reader, &field);
             wire_items_next(&reader, &items, &field, WIRE_VARINT, &value);) {
            if (out->count == ONNX_MOST_INTS)
                return error_fail(SHUNT_E_INVALID, "attribute '%s' has more than %d numbers", name, ONNX_MOST_INTS);
            out->at[out->count++] = (int64_t)value;
        }
    }
    out->there = true;
    return reader.status ? fail(name, &reader, "") : SHUNT_OK;
}

/* Counts the attribute's elements where data is NULL, else puts them there. */
static shunt_status take_list(const onnx_node *node, wire_bytes message, bool texts, uint8_t *data, uint64_t *count)
{
    wire reader = wire_open(message, node->in->file);
    wire_field field;
    uint64_t value;
    *count = 0;
    while (wire_next(&reader, &field)) {
        if (texts && (field.number == TEXT || field.number == TEXTS) && field.type == WIRE_BYTES) {
            if (data) memcpy(data + *count * sizeof field.bytes, &field.bytes, sizeof field.bytes);
            ++*count;
        }
        if (texts || field.number != FLOATS) continue;
        for (wire_items items = wire_items_open(&reader, &field);
             wire_items_next(&reader, &items, &field, WIRE_FIXED32, &value); ++*count)
            if (data) memcpy(data + *count * sizeof(float), &value, sizeof(float));
    }
    return reader.status;
}

shunt_status onnx_attribute_list(onnx_node *node, const char *name, onnx_tensor *out, bool *there)
{
    const bool texts = out->type == ONNX_STRING;
    wire_bytes message;
    uint64_t count;
    uint8_t *data;
    shunt_status status = onnx_attribute(node, name, &message);
    *there = message.data != NULL;
    if (!status && *there) status = take_list(node, message, texts, NULL, &count);
    if (status || !*there) return status;
    if (out->rank == 0 && count != 1) return error_fail(SHUNT_E_INVALID, "attribute '%s' is not one text", name);
    if (out->rank == 1) out->dims[0] = (int64_t)count;
    status = onnx_fold_make(node, out, &data);
    return status ? status : take_list(node, message, texts, data, &count);
}
