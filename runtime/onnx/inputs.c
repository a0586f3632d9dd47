/* inputs.c - what a graph starts from: its initializers, which are constants, and its inputs, whose open dimensions are
 * closed here. */
#include "runtime/onnx/importer.h"

#include <string.h>

#include "runtime/base/error.h"

enum { /* fields of ValueInfoProto, TypeProto and what is in it */
       INFO_NAME = 1,
       INFO_TYPE = 2,
       TYPE_TENSOR = 1,
       TENSOR_TYPE = 1,
       TENSOR_SHAPE = 2,
       SHAPE_DIM = 1,
       DIM_VALUE = 1,
       DIM_NAME = 2
};

shunt_status onnx_read_initializer(importer *in, wire_bytes message)
{
    onnx_tensor tensor;
    wire_bytes name;
    shunt_status status = onnx_tensor_read(message, in->file, &in->folder, &in->memory, &tensor, &name);
    return status ? status : onnx_add_value(in, name, &tensor, SHUNT_NO_VALUE);
}

/* TypeProto: the type of the elements and the shape; a dimension that is left open becomes -1. */
static shunt_status read_shape(importer *in, wire_bytes message, onnx_declaration *to)
{
    onnx_tensor *out = &to->tensor;
    wire reader = wire_open(message, in->file);
    wire_field field;
    while (wire_next(&reader, &field)) {
        if (field.number != SHAPE_DIM || field.type != WIRE_BYTES) continue;
        if (out->rank == ONNX_MAX_RANK) return error_fail(SHUNT_E_UNSUPPORTED, "it has a rank over %d", ONNX_MAX_RANK);
        wire_bytes *axis = &to->axes[out->rank];
        int64_t *dim = &out->dims[out->rank++];
        wire part = wire_open(field.bytes, in->file);
        for (*dim = -1; wire_next(&part, &field);) {
            if (field.number == DIM_VALUE && field.type == WIRE_VARINT) *dim = (int64_t)field.value;
            if (field.number == DIM_NAME && field.type == WIRE_BYTES) *axis = field.bytes;
        }
        if (part.status) return part.status;
        if (*dim < 1) *dim = -1;
    }
    return reader.status;
}

shunt_status onnx_read_type(importer *in, wire_bytes message, onnx_declaration *out)
{
    *out = (onnx_declaration){0};
    wire reader = wire_open(message, in->file);
    wire_field field;
    while (wire_next(&reader, &field)) {
        if (field.number != TYPE_TENSOR || field.type != WIRE_BYTES)
            return error_fail(SHUNT_E_UNSUPPORTED, "it is a sequence, a map or optional, not a tensor");
        wire tensor = wire_open(field.bytes, in->file);
        while (wire_next(&tensor, &field)) {
            if (field.number == TENSOR_TYPE && field.type == WIRE_VARINT)
                out->tensor.type = field.value < UINT8_MAX ? (uint8_t)field.value : UINT8_MAX;
            if (field.number != TENSOR_SHAPE || field.type != WIRE_BYTES) continue;
            out->shaped = true;
            shunt_status status = read_shape(in, field.bytes, out);
            if (status) return status;
        }
        if (tensor.status) return tensor.status;
    }
    return reader.status;
}

static const onnx_binding *find_binding(const importer *in, const char *name)
{
    for (size_t i = 0; i < in->options.nbindings; i++)
        if (!strcmp(in->options.bindings[i].name, name)) return &in->options.bindings[i];
    return NULL;
}

static bool is_colours(int64_t dim)
{
    return dim == 3 || dim == 1;
}

/* Whether a picture's channels come last, as TensorFlow has them. */
static bool channels_last(const importer *in, const onnx_tensor *tensor)
{
    return in->options.classify && tensor->rank == 4 && is_colours(tensor->dims[3]) && !is_colours(tensor->dims[1]);
}

/* The shape that is known beforehand, which has to be one that the file allows. */
static shunt_status take_shape(const onnx_tensor *known, onnx_declaration *to)
{
    onnx_tensor *tensor = &to->tensor;
    bool fits = !to->shaped || known->rank == tensor->rank;
    for (uint32_t i = 0; fits && to->shaped && i < known->rank; i++)
        fits = tensor->dims[i] < 0 || tensor->dims[i] == known->dims[i];
    if (!fits) return error_fail(SHUNT_E_INVALID, "the shape that was given is not one that the file allows");
    to->shaped = true;
    tensor->rank = known->rank;
    memcpy(tensor->dims, known->dims, sizeof tensor->dims);
    return SHUNT_OK;
}

/* Open dimensions: a batch of 1, the pictures' size, else nothing fits. */
static shunt_status close_shape(const importer *in, onnx_tensor *tensor)
{
    const uint32_t row = channels_last(in, tensor) ? 1 : 2; /* the axis of the height */
    const int64_t height = in->options.height ? in->options.height : 224;
    const int64_t width = in->options.width ? in->options.width : 224;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] > 0) continue;
        if (i > 0 && !(tensor->rank == 4 && (i == row || i == row + 1)))
            return error_fail(SHUNT_E_UNSUPPORTED, "its dimension %u is open; export with a fixed one", i);
        tensor->dims[i] = i == 0 ? 1 : i == row ? height : width;
    }
    return SHUNT_OK;
}

/* The graph is given N x C x H x W all the same, as all pictures are, and turns it itself. */
static shunt_value channels_last_input(importer *in, const char *name, const onnx_tensor *tensor)
{
    const int64_t *dims = tensor->dims;
    const shunt_op_attr attr = {.transpose = {.axes = {0, 2, 3, 1}}};
    shunt_value src = shunt_graph_input(in->graph, name, 4, (int64_t[]){dims[0], dims[3], dims[1], dims[2]});
    return shunt_graph_op(in->graph, name, SHUNT_OP_TRANSPOSE, 0, &attr, 1, &src);
}

/* Files of old list their initializers as inputs, too. */
static shunt_status add_input(importer *in, const char *name, wire_bytes text, wire_bytes type)
{
    onnx_declaration declared;
    const onnx_binding *binding = find_binding(in, name);
    if (onnx_find_value(in, name) != ONNX_NONE) return SHUNT_OK;
    if (in->options.classify && !json_object_get(in->read, name)) return SHUNT_OK; /* not of the picture */
    if (binding && binding->tensor.data) return onnx_add_value(in, text, &binding->tensor, SHUNT_NO_VALUE);
    shunt_status status = onnx_read_type(in, type, &declared);
    if (!status && binding) status = take_shape(&binding->tensor, &declared);
    if (!status && !declared.shaped)
        status = error_fail(SHUNT_E_UNSUPPORTED, "its shape is left open; export with a fixed one");
    onnx_tensor tensor = declared.tensor;
    /* pixels are small, whatever they are stored in */
    bool fits = in->options.classify ? onnx_type_is_integer(tensor.type) : onnx_type_is_small(tensor.type);
    if (!status && !fits && !onnx_type_is_float(tensor.type))
        status = error_fail(SHUNT_E_UNSUPPORTED, "it is %s; Shunt computes in float32", onnx_type_name(tensor.type));
    if (!status) status = close_shape(in, &tensor);
    if (status) return status;
    in->input_type = tensor.type;
    int64_t one = 1;
    shunt_value value = channels_last(in, &tensor) ? channels_last_input(in, name, &tensor)
                                                   : shunt_graph_input(in->graph, name, tensor.rank ? tensor.rank : 1,
                                                                       tensor.rank ? tensor.dims : &one);
    if (value == SHUNT_NO_VALUE) return shunt_graph_check(in->graph);
    return onnx_add_value(in, text, &tensor, value);
}

shunt_status onnx_read_info(importer *in, wire_bytes message, wire_bytes *text, wire_bytes *type,
                            char name[ONNX_MOST_NAME + 1])
{
    wire reader = wire_open(message, in->file);
    wire_field field;
    *text = *type = (wire_bytes){0};
    while (wire_next(&reader, &field)) {
        if (field.number == INFO_NAME && field.type == WIRE_BYTES) *text = field.bytes;
        if (field.number == INFO_TYPE && field.type == WIRE_BYTES) *type = field.bytes;
    }
    return reader.status ? reader.status : onnx_read_name(*text, "the name of an input or output", name);
}

shunt_status onnx_read_input(importer *in, wire_bytes message)
{
    wire_bytes text, type;
    char name[ONNX_MOST_NAME + 1];
    shunt_status status = onnx_read_info(in, message, &text, &type, name);
    if (!status) status = add_input(in, name, text, type);
    return status ? error_context(status, "input '%.100s'", name) : SHUNT_OK;
}
