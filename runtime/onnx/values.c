/* values.c - the importer's values by name, and the way from them to values of the graph: parameters are made of constants
 * and shapes changed when an op needs it, and not before. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

onnx_value *onnx_input(const onnx_node *node, uint32_t index)
{
    if (index >= node->ninputs || node->inputs[index] == ONNX_NONE) return NULL;
    return &node->in->values[node->inputs[index]];
}

bool onnx_is_constant(const onnx_value *value)
{
    return value->value == SHUNT_NO_VALUE;
}

shunt_tensor_desc onnx_desc(const onnx_node *node, shunt_value value)
{
    return shunt_graph_desc(node->in->graph, value);
}

/* ---- Into the graph ------------------------------------------------------------------------------------------- */

/* An op with its results, in lists that may have twice the room. */
enum { OP_BYTES = 2 * (sizeof(graph_op) + SHUNT_MAX_OUTPUTS * sizeof(graph_value)) };

shunt_status onnx_append(onnx_node *node, shunt_op_kind kind, uint32_t flags, const shunt_op_attr *attr,
                         uint32_t ninputs, const shunt_value *inputs, shunt_value *out)
{
    shunt_status status = onnx_charge(&node->in->memory, OP_BYTES + 2 * sizeof node->label);
    if (status) return status;
    *out = shunt_graph_op(node->in->graph, node->label, kind, flags, attr, ninputs, inputs);
    return *out == SHUNT_NO_VALUE ? shunt_graph_check(node->in->graph) : SHUNT_OK;
}

static bool same_shape(const shunt_tensor_desc *desc, uint32_t rank, const int64_t *dims)
{
    return desc->rank == rank && !memcmp(desc->dims, dims, rank * sizeof *dims);
}

/* The first dimension is copied or left over, so that the graph takes other batches than the file was made for. */
shunt_status onnx_reshape(onnx_node *node, shunt_value value, uint32_t rank, const int64_t *dims, shunt_value *out)
{
    shunt_tensor_desc desc = onnx_desc(node, value);
    shunt_op_attr attr = {.reshape = {.rank = (int32_t)rank}};
    *out = value;
    if (same_shape(&desc, rank, dims)) return SHUNT_OK;
    if (rank > SHUNT_MAX_RANK)
        return error_fail(SHUNT_E_UNSUPPORTED, "it works on a tensor of rank %u; Shunt has %d at most", rank,
                          SHUNT_MAX_RANK);
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] > INT32_MAX)
            return error_fail(SHUNT_E_UNSUPPORTED, "a dimension of %" PRId64 " is too large", dims[i]);
        attr.reshape.dims[i] = i ? (int32_t)dims[i] : desc.rank && desc.dims[0] == dims[0] ? 0 : -1;
    }
    return onnx_append(node, SHUNT_OP_RESHAPE, 0, &attr, 1, &value, out);
}

/* NAME, or NAME#1, #2 ... when a constant is needed in another form, too. One count serves all names, so that none takes
 * long to find. */
static void free_name(importer *in, const char *base, char *name, size_t size)
{
    snprintf(name, size, "%.500s", base);
    while (shunt_weights_find(in->weights, name)) snprintf(name, size, "%.500s#%" PRIu32, base, ++in->forms);
}

enum {
    NAME_SIZE = 520,
    PARAMETER_BYTES = 2 * sizeof(graph_value) + sizeof(weight) + 512 /* 512: the entries of two indices */
};

static shunt_status add_parameter(onnx_node *node, const char *name, uint32_t rank, const int64_t *dims,
                                  shunt_value *out)
{
    shunt_status status = onnx_charge(&node->in->memory, PARAMETER_BYTES + 4 * strlen(name));
    if (status) return status;
    *out = shunt_graph_parameter(node->in->graph, name, SHUNT_ROLE_WEIGHT, rank, dims);
    return *out == SHUNT_NO_VALUE ? shunt_graph_check(node->in->graph) : SHUNT_OK;
}

static shunt_tensor_desc f32_desc(uint32_t rank, const int64_t *dims)
{
    return shunt_tensor_make(SHUNT_F32, rank, dims);
}

/* The graph checks the shape, so it comes first: nothing is allocated for a shape that cannot be. */
shunt_status onnx_parameter(onnx_node *node, const char *what, uint32_t rank, const int64_t *dims, float **data,
                            shunt_value *out)
{
    char name[NAME_SIZE];
    void *room = NULL;
    free_name(node->in, what, name, sizeof name);
    shunt_status status = add_parameter(node, name, rank, dims, out);
    if (status) return status;
    shunt_tensor_desc desc = f32_desc(rank, dims);
    status = onnx_charge(&node->in->memory, shunt_tensor_bytes(&desc));
    if (!status) status = weights_add(node->in->weights, name, &desc, &room);
    *data = room;
    return status;
}

shunt_status onnx_parameter_run(onnx_node *node, const char *what, uint32_t rank, const int64_t *dims, float value,
                                shunt_value *out)
{
    char name[NAME_SIZE];
    free_name(node->in, what, name, sizeof name);
    shunt_status status = add_parameter(node, name, rank, dims, out);
    if (status) return status;
    shunt_tensor_desc desc = f32_desc(rank, dims);
    uint64_t bytes = shunt_tensor_bytes(&desc), piece = constant_run_piece(bytes);
    bool small = bytes <= piece;
    void *room;
    status = onnx_charge(&node->in->memory, small ? bytes : piece);
    if (status || !small) return status ? status : weights_put_run(node->in->weights, name, &desc, value);
    status = weights_add(node->in->weights, name, &desc, &room);
    for (uint64_t i = 0; !status && i < bytes / sizeof value; i++) ((float *)room)[i] = value;
    return status;
}

/* float32 data of a file is used where it lies. */
static shunt_status constant_parameter(onnx_node *node, const onnx_value *source, uint32_t rank, const int64_t *dims,
                                       shunt_value *out)
{
    const onnx_tensor *tensor = &source->tensor;
    char name[NAME_SIZE];
    float *data;
    onnx_tensor shaped = {.rank = (uint8_t)rank};
    uint64_t count;
    memcpy(shaped.dims, dims, rank * sizeof *dims);
    shunt_status status = onnx_count(&shaped, &count);
    if (status) return status;
    if (onnx_size(tensor) == 0)
        return error_fail(SHUNT_E_UNSUPPORTED, "its input '%.100s' has no elements", source->name);
    if (onnx_size(tensor) != count)
        return error_fail(SHUNT_E_INVALID, "its input '%.100s' has %" PRIu64 " elements instead of %" PRIu64,
                          source->name, onnx_size(tensor), count);
    if (tensor->splat) return onnx_parameter_run(node, source->name, rank, dims, (float)onnx_number(tensor, 0), out);
    if (tensor->type != ONNX_FLOAT || !weights_maps(node->in->weights, tensor->data)) {
        status = onnx_parameter(node, source->name, rank, dims, &data, out);
        if (!status) onnx_floats(tensor, data);
        return status;
    }
    free_name(node->in, source->name, name, sizeof name);
    status = add_parameter(node, name, rank, dims, out);
    if (status) return status;
    shunt_tensor_desc desc = f32_desc(rank, dims);
    return weights_put(node->in->weights, name, &desc, tensor->data, 0);
}

shunt_status onnx_shaped(onnx_node *node, uint32_t index, uint32_t rank, const int64_t *dims, shunt_value *out)
{
    onnx_value *source = onnx_input(node, index);
    const int64_t scalar = 1;
    if (rank == 0) rank = 1, dims = &scalar; /* the graph has no tensors of rank 0 */
    if (source->shaped != SHUNT_NO_VALUE) {
        shunt_tensor_desc desc = onnx_desc(node, source->shaped);
        *out = source->shaped;
        if (same_shape(&desc, rank, dims)) return SHUNT_OK;
    }
    if (rank > SHUNT_MAX_RANK)
        return error_fail(SHUNT_E_UNSUPPORTED, "its input '%.100s' has rank %u; Shunt has %d at most", source->name,
                          rank, SHUNT_MAX_RANK);
    shunt_status status = onnx_is_constant(source) ? constant_parameter(node, source, rank, dims, out)
                                                   : onnx_reshape(node, source->value, rank, dims, out);
    if (!status) source->shaped = *out;
    return status;
}

shunt_status onnx_as_is(onnx_node *node, uint32_t index, shunt_value *out)
{
    const onnx_value *source = onnx_input(node, index);
    if (!source) return error_fail(SHUNT_E_INVALID, "its input %u is left out", index);
    const onnx_tensor tensor = source->tensor;
    return onnx_shaped(node, index, tensor.rank, tensor.dims, out);
}

/* ---- Numbers that say how ------------------------------------------------------------------------------------- */

shunt_status onnx_constant_input(const onnx_node *node, uint32_t index, const char *what, const onnx_value **out)
{
    *out = onnx_input(node, index);
    if (!*out || onnx_is_constant(*out)) return SHUNT_OK;
    return error_fail(SHUNT_E_UNSUPPORTED,
                      "its %s '%.100s' are computed when the network runs; export with fixed shapes", what,
                      (*out)->name);
}

shunt_status onnx_input_ints(const onnx_node *node, uint32_t index, const char *what, onnx_ints *out)
{
    const onnx_value *value;
    *out = (onnx_ints){0};
    shunt_status status = onnx_constant_input(node, index, what, &value);
    if (status || !value) return status;
    if (value->tensor.rank > 1 || onnx_size(&value->tensor) > ONNX_MOST_INTS ||
        !onnx_type_is_integer(value->tensor.type))
        return error_fail(SHUNT_E_INVALID, "its %s '%.100s' are not a list of at most %d whole numbers", what,
                          value->name, ONNX_MOST_INTS);
    out->count = (uint32_t)onnx_size(&value->tensor);
    out->there = true;
    for (uint32_t i = 0; i < out->count; i++) out->at[i] = onnx_integer(&value->tensor, i);
    return SHUNT_OK;
}

shunt_status onnx_axis(int64_t axis, uint32_t rank, uint32_t *out)
{
    if (axis < -(int64_t)rank || axis >= (int64_t)rank)
        return error_fail(SHUNT_E_INVALID, "axis %" PRId64 " of a tensor of rank %u", axis, rank);
    *out = (uint32_t)(axis < 0 ? axis + rank : axis);
    return SHUNT_OK;
}

/* ---- Names ------------------------------------------------------------------------------------------------------ */

shunt_status onnx_result(onnx_node *node, uint32_t index, const onnx_tensor *tensor, shunt_value value)
{
    char name[ONNX_MOST_NAME + 1];
    if (index >= node->noutputs || !node->outputs[index].size) return SHUNT_OK; /* nobody asks for it */
    shunt_status status = onnx_add_value(node->in, node->outputs[index], tensor, value);
    if (status || value == SHUNT_NO_VALUE) return status;
    status = onnx_read_name(node->outputs[index], "a value's name", name);
    if (!status)
        status = onnx_charge(&node->in->memory, 4 * node->outputs[index].size + 128); /* and the index's entry */
    return status ? status : graph_name_value(node->in->graph, name, value);
}
