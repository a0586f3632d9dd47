/* import.c - an ONNX file from its first byte to a graph: the model's head, the graph's initializers and inputs, its nodes
 * (schedule.c), its outputs. Each list is read where it stands in the file; what is kept is one entry a value. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

enum { /* fields of the messages */
       MODEL_PRODUCER = 2,
       MODEL_PRODUCER_VERSION = 3,
       MODEL_GRAPH = 7,
       MODEL_OPSET = 8,
       MODEL_METADATA = 14,
       OPSET_DOMAIN = 1,
       OPSET_VERSION = 2
};

enum { MOST_VALUES = 1 << 18 };

/* ---- Values by name -------------------------------------------------------------------------------------------- */

shunt_status onnx_read_name(wire_bytes text, const char *what, char name[ONNX_MOST_NAME + 1])
{
    if (text.size > ONNX_MOST_NAME || memchr(text.data ? text.data : (const uint8_t *)"", 0, text.size))
        return error_fail(SHUNT_E_INVALID, "%s is longer than %d bytes or has a zero byte", what, ONNX_MOST_NAME);
    if (text.size) memcpy(name, text.data, text.size);
    name[text.size] = '\0';
    return weights_check_name(name);
}

uint32_t onnx_find_value(const importer *in, const char *name)
{
    json_t *position = json_object_get(in->index, name);
    return position ? (uint32_t)json_integer_value(position) : ONNX_NONE;
}

shunt_status onnx_add_value(importer *in, wire_bytes text, const onnx_tensor *tensor, shunt_value value)
{
    char name[ONNX_MOST_NAME + 1];
    shunt_status status = onnx_read_name(text, "a value's name", name);
    if (status) return status;
    if (onnx_find_value(in, name) != ONNX_NONE)
        return error_fail(SHUNT_E_INVALID, "two values are called '%.100s'", name);
    if (in->nvalues == MOST_VALUES)
        return error_fail(SHUNT_E_UNSUPPORTED, "there are more than %d values", MOST_VALUES);
    status = onnx_charge(&in->memory, 2 * sizeof *in->values + 3 * text.size + 128); /* 128: the index's entry */
    if (status) return status;
    char *copy = strdup(name);
    if (!copy || !graph_room(&in->values, &in->room, in->nvalues, sizeof *in->values)) {
        free(copy);
        return error_memory();
    }
    if (json_object_set_new(in->index, name, json_integer((json_int_t)in->nvalues))) {
        free(copy);
        return error_fail(SHUNT_E_INVALID, "a value's name is not UTF-8, or there is no memory left");
    }
    in->values[in->nvalues++] = (onnx_value){.name = copy, .tensor = *tensor, .value = value, .shaped = SHUNT_NO_VALUE};
    return SHUNT_OK;
}

/* ---- The model -------------------------------------------------------------------------------------------------- */

static shunt_status read_opset(importer *in, wire_bytes message)
{
    wire reader = wire_open(message, in->file);
    wire_field field;
    wire_bytes domain = {0};
    uint64_t version = 0;
    while (wire_next(&reader, &field)) {
        if (field.number == OPSET_DOMAIN && field.type == WIRE_BYTES) domain = field.bytes;
        if (field.number == OPSET_VERSION && field.type == WIRE_VARINT) version = field.value;
    }
    if (!domain.size || wire_is(domain, "ai.onnx")) in->opset = version > INT32_MAX ? INT32_MAX : (int64_t)version;
    return reader.status;
}

/* Keys and values that cannot be kept as text are left out: they are no part of the network. */
static shunt_status read_metadata(importer *in, wire_bytes message)
{
    wire reader = wire_open(message, in->file);
    wire_field field;
    wire_bytes part[3] = {{0}};
    while (wire_next(&reader, &field))
        if ((field.number == 1 || field.number == 2) && field.type == WIRE_BYTES) part[field.number] = field.bytes;
    if (reader.status || !part[1].size || part[1].size > ONNX_MOST_NAME) return reader.status;
    shunt_status status = onnx_charge(&in->memory, 2 * (part[1].size + part[2].size) + 256);
    char *key = status ? NULL : strndup((const char *)part[1].data, part[1].size);
    char *value = key ? strndup(part[2].data ? (const char *)part[2].data : "", part[2].size) : NULL;
    if (!status && !value) status = error_memory();
    if (!status && !weights_check_name(key)) (void)shunt_weights_set_metadata(in->weights, key, value);
    free(key);
    free(value);
    return status;
}

/* "pytorch 1.13.0" */
static shunt_status note_producer(importer *in, wire_bytes producer, wire_bytes version)
{
    char name[ONNX_MOST_NAME + 1], number[ONNX_MOST_NAME + 1], text[2 * ONNX_MOST_NAME + 2];
    if (onnx_read_name(producer, "", name) || onnx_read_name(version, "", number) || !*name) return SHUNT_OK;
    snprintf(text, sizeof text, *number ? "%s %s" : "%s", name, number);
    return weights_set_producer(in->weights, text);
}

static shunt_status read_model(importer *in, const file_mapping *file)
{
    wire reader = wire_open((wire_bytes){file->data, file->size}, in->file);
    wire_field field;
    wire_bytes producer = {0}, version = {0};
    shunt_status status = SHUNT_OK;
    while (!status && wire_next(&reader, &field)) {
        bool message = field.type == WIRE_BYTES;
        if (field.number == MODEL_PRODUCER && message) producer = field.bytes;
        if (field.number == MODEL_PRODUCER_VERSION && message) version = field.bytes;
        if (field.number == MODEL_OPSET && message) status = read_opset(in, field.bytes);
        if (field.number == MODEL_METADATA && message) status = read_metadata(in, field.bytes);
        if (field.number != MODEL_GRAPH) continue;
        if (in->message.data) return wire_fail(&reader, "there are two graphs");
        if (wire_expect(&reader, &field, WIRE_BYTES, "the graph")) in->message = field.bytes;
    }
    if (!status) status = reader.status;
    if (status) return status;
    if (!in->message.data) return error_fail(SHUNT_E_INVALID, "it contains no graph, so it is not an ONNX model");
    return note_producer(in, producer, version);
}

static shunt_status check_opset(const importer *in)
{
    if (in->opset == 0) return error_fail(SHUNT_E_INVALID, "it does not say which opset it uses");
    if (in->opset >= 1 && in->opset <= ONNX_MOST_OPSET) return SHUNT_OK;
    return error_fail(SHUNT_E_UNSUPPORTED, "it uses opset %" PRId64 "; export it with one from 7 to %d, such as 17",
                      in->opset, ONNX_MOST_OPSET);
}

/* ---- The graph --------------------------------------------------------------------------------------------------- */

static shunt_status each(importer *in, uint32_t number, shunt_status (*read)(importer *in, wire_bytes message))
{
    wire reader = wire_open(in->message, in->file);
    wire_field field;
    shunt_status status = SHUNT_OK;
    while (!status && wire_next(&reader, &field))
        if (field.number == number && wire_expect(&reader, &field, WIRE_BYTES, "a part of the graph"))
            status = read(in, field.bytes);
    return status ? status : reader.status;
}

static shunt_status refuse_sparse(importer *in, wire_bytes message)
{
    (void)in;
    (void)message;
    return error_fail(SHUNT_E_UNSUPPORTED, "it has sparse weights; export them as dense ones");
}

/* The value before a softmax over the last axis, or a sigmoid, that makes `value`; kind: which it is. */
static shunt_value before_head(const importer *in, shunt_value value, uint32_t *kind)
{
    for (;;) {
        int32_t producer = in->graph->values[value].producer;
        const graph_op *op = producer >= 0 ? &in->graph->ops[producer] : NULL;
        if (!op) return SHUNT_NO_VALUE;
        *kind = op->kind;
        if (op->kind == SHUNT_OP_SOFTMAX || op->kind == SHUNT_OP_SIGMOID) return op->inputs[0];
        if (op->kind != SHUNT_OP_RESHAPE) return SHUNT_NO_VALUE;
        value = op->inputs[0];
    }
}

/* A list of scores for classes becomes (N, K): of the axes after the first all but one are of one element. */
static void squeeze_scores(onnx_tensor *tensor)
{
    uint32_t others = 0;
    int64_t classes = 1;
    for (uint32_t i = 1; i < tensor->rank; i++)
        if (tensor->dims[i] != 1) others++, classes = tensor->dims[i];
    if (tensor->rank < 2 || others > 1) return;
    tensor->rank = 2;
    tensor->dims[1] = classes;
}

/* The graph's value for output `value`, in its shape. */
static shunt_status find_output(importer *in, onnx_node *node, uint32_t value, onnx_output *output, shunt_value *out)
{
    const shunt_value source = in->values[value].value;
    node->ninputs = 1;
    node->inputs[0] = value;
    if (!in->options.classify) return onnx_as_is(node, 0, out);
    uint32_t head = 0;
    const shunt_value logits = before_head(in, source, &head);
    output->sigmoid = head == SHUNT_OP_SIGMOID;
    squeeze_scores(&output->tensor);
    return onnx_reshape(node, logits == SHUNT_NO_VALUE ? source : logits, output->tensor.rank, output->tensor.dims,
                        out);
}

static shunt_status add_output(importer *in, onnx_import *to, const char *name)
{
    uint32_t value = onnx_find_value(in, name);
    if (value == ONNX_NONE) return error_fail(SHUNT_E_INVALID, "nothing makes it");
    onnx_output *grown = reallocarray(to->outputs, to->noutputs + 1, sizeof *grown);
    if (!grown) return error_memory();
    to->outputs = grown;
    onnx_output *output = &grown[to->noutputs];
    *output = (onnx_output){.name = strdup(name), .index = -1, .tensor = in->values[value].tensor};
    if (!output->name) return error_memory();
    to->noutputs++;
    if (onnx_is_constant(&in->values[value])) return SHUNT_OK;
    onnx_node *node = calloc(1, sizeof *node);
    if (!node) return error_memory();
    node->in = in;
    snprintf(node->label, sizeof node->label, "%.120s", name);
    shunt_value result = SHUNT_NO_VALUE;
    shunt_status status = find_output(in, node, value, output, &result);
    free(node);
    if (status) return status;
    output->index = (int32_t)in->graph->noutputs;
    shunt_graph_output(in->graph, name, result);
    return shunt_graph_check(in->graph);
}

enum { MOST_OUTPUTS = 64 };

static shunt_status read_outputs(importer *in, onnx_import *to)
{
    wire reader = wire_open(in->message, in->file);
    wire_field field;
    wire_bytes text, type;
    char name[ONNX_MOST_NAME + 1] = "";
    shunt_status status = SHUNT_OK;
    while (!status && wire_next(&reader, &field)) {
        if (field.number != ONNX_GRAPH_OUTPUT || !wire_expect(&reader, &field, WIRE_BYTES, "an output")) continue;
        if (to->noutputs == MOST_OUTPUTS)
            return error_fail(SHUNT_E_UNSUPPORTED, "there are more than %d outputs", MOST_OUTPUTS);
        status = onnx_read_info(in, field.bytes, &text, &type, name);
        if (in->options.classify && to->noutputs) break; /* what else there is, classes do not come from */
        if (!status) status = add_output(in, to, name);
        if (status) return error_context(status, "output '%.100s'", name);
    }
    if (!to->noutputs && !reader.status) return error_fail(SHUNT_E_INVALID, "the graph has no output");
    return reader.status;
}

static shunt_status import_graph(importer *in, onnx_import *to)
{
    shunt_status status = check_opset(in);
    if (!status) status = each(in, ONNX_GRAPH_SPARSE, refuse_sparse);
    if (!status) status = each(in, ONNX_GRAPH_INITIALIZER, onnx_read_initializer);
    if (!status && in->options.ports) status = onnx_read_ports(in, to);
    if (status || in->options.ports_only) return status;
    if (!status) status = onnx_schedule(in);
    if (!status) status = each(in, ONNX_GRAPH_INPUT, onnx_read_input);
    if (!status) status = onnx_read_nodes(in);
    if (!status) status = read_outputs(in, to);
    if (!status) status = graph_drop_unread(in->graph);
    return status ? status : onnx_check_size(in);
}

/* ---- From a path ------------------------------------------------------------------------------------------------- */

static shunt_status begin(importer *in, const char *path, shunt_weights *weights, const file_mapping *file)
{
    *in =
        (importer){.path = path, .file = file->data, .weights = weights, .index = json_object(), .read = json_object()};
    in->memory = (onnx_memory){.left = 48 << 20, .work = 4 << 20};
    onnx_allow(&in->memory, file->size);
    in->folder = (onnx_folder){path == file_in_memory ? NULL : path, weights};
    weights->format = "ONNX";
    return in->index && in->read ? read_model(in, file) : error_memory();
}

static void end(importer *in)
{
    for (uint32_t i = 0; i < in->nvalues; i++) free(in->values[i].name);
    free(in->values);
    json_decref(in->index);
    json_decref(in->read);
    free(in->nodes.messages);
}

shunt_status onnx_import_weights(const char *path, shunt_weights *weights, const onnx_options *options,
                                 onnx_import *out)
{
    importer in;
    *out = (onnx_import){.weights = weights, .graph = shunt_graph_create()};
    if (!out->graph) return error_memory();
    shunt_status status = begin(&in, path, weights, &weights->file);
    in.graph = out->graph;
    if (options) in.options = *options;
    if (!status) status = import_graph(&in, out);
    out->memory = in.memory;
    out->input_type = in.input_type;
    end(&in);
    return status ? error_context(status, "%s", path) : SHUNT_OK;
}

shunt_status onnx_open(const char *path, const onnx_options *options, onnx_import *out)
{
    shunt_weights *weights;
    *out = (onnx_import){0};
    shunt_status status = shunt_weights_create(&weights);
    if (status) return status;
    status = file_map(path, 0, &weights->file);
    if (status)
        shunt_weights_destroy(weights);
    else
        status = onnx_import_weights(path, weights, options, out);
    if (status) onnx_close(out);
    return status;
}

/* ---- As a weight file -------------------------------------------------------------------------------------------- */

bool onnx_is(const file_mapping *file)
{
    const uint8_t *data = file->data;
    if (file->size < 4 || (file->size > 8 && data[8] == '{')) return false; /* safetensors */
    /* Field 1, a small version of the format; then a field that a model has. */
    return data[0] == 0x08 && data[1] && data[1] < 32 &&
           (data[2] == 0x3a || data[2] == 0x42 || data[2] == 0x12 || data[2] == 0x1a || data[2] == 0x22 ||
            data[2] == 0x32);
}

/* Data of the file is used where it lies; what Shunt has no type for is not listed. */
static shunt_status list_initializer(importer *in, wire_bytes message)
{
    static const uint8_t dtypes[] = {
        [ONNX_FLOAT] = SHUNT_F32, [ONNX_UINT8] = SHUNT_U8,     [ONNX_INT8] = SHUNT_I8,     [ONNX_INT16] = SHUNT_I16,
        [ONNX_INT32] = SHUNT_I32, [ONNX_INT64] = SHUNT_I64,    [ONNX_FLOAT16] = SHUNT_F16, [ONNX_DOUBLE] = SHUNT_F64,
        [ONNX_BOOL] = SHUNT_BOOL, [ONNX_BFLOAT16] = SHUNT_BF16};
    onnx_tensor tensor;
    wire_bytes text;
    char name[ONNX_MOST_NAME + 1];
    shunt_status status = onnx_tensor_read(message, in->file, &in->folder, &in->memory, &tensor, &text);
    if (!status) status = onnx_read_name(text, "a tensor's name", name);
    if (status) return status;
    shunt_tensor_desc desc = {.rank = tensor.rank, .block = SHUNT_PLAIN};
    if (tensor.type < sizeof dtypes) desc.dtype = dtypes[tensor.type];
    if (!desc.dtype || tensor.rank > SHUNT_MAX_RANK) {
        json_object_set_new(in->weights->unusable, name, json_string("Shunt does not support its type or rank"));
        return SHUNT_OK;
    }
    if (shunt_weights_find(in->weights, name))
        return error_fail(SHUNT_E_INVALID, "two tensors are called '%.100s'", name);
    memcpy(desc.dims, tensor.dims, desc.rank * sizeof *desc.dims);
    bool mapped = weights_maps(in->weights, tensor.data);
    status = onnx_charge(&in->memory, 256 + 4 * text.size + (mapped ? 0 : shunt_tensor_bytes(&desc)));
    return status ? status : weights_put(in->weights, name, &desc, tensor.data, !mapped);
}

static shunt_status read_weights(const char *path, shunt_weights *weights)
{
    importer in;
    shunt_status status = begin(&in, path, weights, &weights->file);
    if (!status) status = each(&in, ONNX_GRAPH_INITIALIZER, list_initializer);
    onnx_memory_free(&in.memory);
    end(&in);
    return status ? error_context(status, "%s", path) : SHUNT_OK;
}

const weight_format format_onnx = {.name = "ONNX", .is = onnx_is, .read = read_weights};

void onnx_close(onnx_import *import)
{
    for (size_t i = 0; i < import->noutputs; i++) free(import->outputs[i].name);
    free(import->outputs);
    onnx_ports_free(&import->inputs);
    onnx_ports_free(&import->declared);
    onnx_memory_free(&import->memory);
    shunt_graph_destroy(import->graph);
    shunt_weights_destroy(import->weights);
    *import = (onnx_import){0};
}
