/* fold.c - nodes whose inputs are constants, computed here: what exporters write to say shapes, and constants in another
 * form. Data is moved by element size, whatever the type; tensors filled with one value stay that. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/error.h"

/* A short file may ask for much: there is an end to it. */
shunt_status onnx_fold_make(onnx_node *node, onnx_tensor *tensor, uint8_t **data)
{
    uint64_t count;
    *data = NULL;
    shunt_status status = onnx_count(tensor, &count);
    if (status) return status;
    uint64_t work = count * (node->ninputs ? node->ninputs : 1); /* at most 2^40 times 256 */
    if (work > node->in->memory.work)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "it computes %" PRIu64 " elements of constants; compute them at export (constant folding)",
                          count);
    node->in->memory.work -= work;
    *data = onnx_alloc(&node->in->memory, count * onnx_type_bytes(tensor->type));
    tensor->data = *data;
    tensor->splat = false;
    return *data ? SHUNT_OK : SHUNT_E_MEMORY;
}

static shunt_status finish(onnx_node *node, const onnx_tensor *tensor)
{
    return onnx_result(node, 0, tensor, SHUNT_NO_VALUE);
}

static void copy_element(const onnx_tensor *from, uint64_t index, uint8_t *data, uint64_t at)
{
    size_t bytes = onnx_type_bytes(from->type);
    memcpy(data + at * bytes, from->data + (from->splat ? 0 : index) * bytes, bytes);
}

/* ---- Where constants come from ---------------------------------------------------------------------------------- */

/* value_int, value_ints, value_float: numbers in the attribute itself. */
static shunt_status numbers(onnx_node *node, onnx_tensor *tensor, bool *there)
{
    wire_bytes message;
    uint8_t *data;
    int64_t whole = 0;
    float real = 0;
    onnx_ints list;
    shunt_status status = onnx_attribute_ints(node, "value_ints", &list);
    if (status) return status;
    *tensor = (onnx_tensor){.type = ONNX_INT64, .rank = list.there, .dims = {list.count}};
    if ((*there = list.there)) {
        status = onnx_fold_make(node, tensor, &data);
        if (!status) memcpy(data, list.at, list.count * sizeof *list.at);
        return status;
    }
    status = onnx_attribute(node, "value_float", &message);
    if (status) return status;
    tensor->type = message.data ? ONNX_FLOAT : ONNX_INT64;
    if (!message.data) status = onnx_attribute(node, "value_int", &message);
    *there = message.data != NULL;
    if (status || !*there) return status;
    status = tensor->type == ONNX_FLOAT ? onnx_attribute_float(node, "value_float", &real)
                                        : onnx_attribute_int(node, "value_int", &whole);
    if (!status) status = onnx_fold_make(node, tensor, &data);
    if (!status) onnx_store(tensor->type, data, 0, (double)real, whole);
    return status;
}

static shunt_status lists(onnx_node *node, onnx_tensor *tensor, bool *there)
{
    static const struct {
        const char *name;
        onnx_tensor tensor;
    } kinds[] = {{"value_floats", {.type = ONNX_FLOAT, .rank = 1}},
                 {"value_strings", {.type = ONNX_STRING, .rank = 1}},
                 {"value_string", {.type = ONNX_STRING}}};
    shunt_status status = SHUNT_OK;
    *there = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !status && !*there; i++) {
        *tensor = kinds[i].tensor;
        status = onnx_attribute_list(node, kinds[i].name, tensor, there);
    }
    return status;
}

shunt_status onnx_fold_constant(onnx_node *node)
{
    onnx_tensor tensor;
    bool there;
    shunt_status status = onnx_attribute_tensor(node, "value", &tensor, &there);
    if (!status && !there) status = numbers(node, &tensor, &there);
    if (!status && !there) status = lists(node, &tensor, &there);
    if (!status && !there)
        status = error_fail(SHUNT_E_UNSUPPORTED, "it is neither a tensor nor numbers nor texts; it may be sparse");
    return status ? status : finish(node, &tensor);
}

shunt_status onnx_fold_constant_of_shape(onnx_node *node)
{
    onnx_tensor tensor = {0};
    bool there;
    onnx_ints dims;
    uint64_t count;
    shunt_status status = onnx_input_ints(node, 0, "dimensions", &dims);
    if (!status) status = onnx_attribute_tensor(node, "value", &tensor, &there);
    if (status) return status;
    if (there && (tensor.rank > 1 || onnx_size(&tensor) != 1))
        return error_fail(SHUNT_E_INVALID, "its value is not one number");
    if (dims.count > ONNX_MAX_RANK) return error_fail(SHUNT_E_UNSUPPORTED, "its result has a rank over 8");
    static const float zero = 0;
    if (!there) tensor = (onnx_tensor){.type = ONNX_FLOAT, .data = (const uint8_t *)&zero};
    tensor.splat = true;
    tensor.rank = (uint8_t)dims.count;
    memcpy(tensor.dims, dims.at, sizeof tensor.dims);
    status = onnx_count(&tensor, &count);
    return status ? status : finish(node, &tensor);
}

/* The shape is known here even when the elements are not. */
shunt_status onnx_fold_shape(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    int64_t start = 0, end = source.rank, rank = source.rank;
    uint8_t *data;
    shunt_status status = onnx_attribute_int(node, "start", &start);
    if (!status) status = onnx_attribute_int(node, "end", &end);
    if (status) return status;
    start = start < -rank ? 0 : start < 0 ? start + rank : start > rank ? rank : start;
    end = end < -rank ? 0 : end < 0 ? end + rank : end > rank ? rank : end;
    onnx_tensor tensor = {.type = ONNX_INT64, .rank = 1, .dims = {end > start ? end - start : 0}};
    status = onnx_fold_make(node, &tensor, &data);
    if (status) return status;
    memcpy(data, source.dims + start, (size_t)tensor.dims[0] * sizeof *source.dims);
    return finish(node, &tensor);
}

/* ---- Moving elements ---------------------------------------------------------------------------------------------- */

static uint64_t product(const int64_t *dims, uint32_t from, uint32_t to)
{
    uint64_t count = 1;
    for (uint32_t i = from; i < to; i++) count *= (uint64_t)dims[i];
    return count;
}

shunt_status onnx_fold_gather(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor, places = onnx_input(node, 1)->tensor;
    int64_t where = 0;
    uint32_t axis;
    uint8_t *data;
    shunt_status status = onnx_attribute_int(node, "axis", &where);
    if (!status) status = onnx_axis(where, source.rank, &axis);
    if (status) return status;
    if (!onnx_type_is_integer(places.type))
        return error_fail(SHUNT_E_INVALID, "its indices are %s, not whole numbers", onnx_type_name(places.type));
    if (source.rank + places.rank - 1 > ONNX_MAX_RANK)
        return error_fail(SHUNT_E_UNSUPPORTED, "its result has a rank over 8");
    onnx_tensor tensor = {.type = source.type, .rank = (uint8_t)(source.rank + places.rank - 1)};
    memcpy(tensor.dims, source.dims, axis * sizeof *tensor.dims);
    memcpy(tensor.dims + axis, places.dims, places.rank * sizeof *tensor.dims);
    memcpy(tensor.dims + axis + places.rank, source.dims + axis + 1, (source.rank - axis - 1) * sizeof *tensor.dims);
    status = onnx_fold_make(node, &tensor, &data);
    if (status) return status;
    uint64_t inner = product(source.dims, axis + 1, source.rank), chosen = onnx_size(&places);
    uint64_t count = onnx_size(&tensor);
    for (uint64_t i = 0; i < count; i++) {
        int64_t place = onnx_integer(&places, i / inner % chosen), length = source.dims[axis];
        if (place < -length || place >= length)
            return error_fail(SHUNT_E_INVALID, "it asks for element %" PRId64 " of an axis of %" PRId64, place, length);
        uint64_t row = i / inner / chosen * (uint64_t)length + (uint64_t)(place < 0 ? place + length : place);
        copy_element(&source, row * inner + i % inner, data, i);
    }
    return finish(node, &tensor);
}

shunt_status onnx_fold_concat(onnx_node *node)
{
    onnx_tensor tensor = onnx_input(node, 0)->tensor;
    int64_t where = 0;
    uint32_t axis;
    uint8_t *data;
    shunt_status status = onnx_attribute_int(node, "axis", &where);
    if (!status) status = onnx_axis(where, tensor.rank, &axis);
    if (status) return status;
    for (uint32_t i = 1; i < node->ninputs; i++) {
        const onnx_value *value = onnx_input(node, i);
        if (!value) return error_fail(SHUNT_E_INVALID, "its input %u is left out", i);
        onnx_tensor expected = tensor;
        expected.dims[axis] = value->tensor.dims[axis];
        if (value->tensor.type != tensor.type || value->tensor.rank != tensor.rank ||
            memcmp(expected.dims, value->tensor.dims, tensor.rank * sizeof *tensor.dims))
            return error_fail(SHUNT_E_INVALID, "its inputs 0 and %u differ in type or shape", i);
        if (__builtin_add_overflow(tensor.dims[axis], value->tensor.dims[axis], &tensor.dims[axis]))
            return error_fail(SHUNT_E_INVALID, "its result is too large");
    }
    status = onnx_fold_make(node, &tensor, &data);
    if (status) return status;
    uint64_t outer = onnx_size(&tensor) ? product(tensor.dims, 0, axis) : 0, at = 0;
    for (uint64_t o = 0; o < outer; o++)
        for (uint32_t i = 0; i < node->ninputs; i++) {
            const onnx_tensor *source = &onnx_input(node, i)->tensor;
            uint64_t run = product(source->dims, axis, source->rank);
            for (uint64_t k = 0; k < run; k++) copy_element(source, o * run + k, data, at++);
        }
    return finish(node, &tensor);
}

/* Fills the tensor: element (i_0, i_1 ...) of the result is that of the source which `find` makes of the indices; false: `fill`. */
typedef bool (*finder)(const void *context, const onnx_tensor *source, const int64_t *at, uint64_t *index);

static shunt_status rearrange(onnx_node *node, const onnx_tensor *source, onnx_tensor *tensor, finder find,
                              const void *context, const onnx_tensor *fill)
{
    uint8_t *data;
    shunt_status status = onnx_fold_make(node, tensor, &data);
    if (status) return status;
    uint64_t count = onnx_size(tensor), index = 0;
    int64_t at[ONNX_MAX_RANK] = {0};
    for (uint64_t i = 0; i < count; i++) {
        bool inside = find(context, source, at, &index);
        copy_element(inside ? source : fill, inside ? index : 0, data, i);
        for (uint32_t axis = tensor->rank; axis-- > 0 && ++at[axis] == tensor->dims[axis];) at[axis] = 0;
    }
    return SHUNT_OK;
}

static bool find_transposed(const void *context, const onnx_tensor *source, const int64_t *at, uint64_t *index)
{
    const uint32_t *axes = context;
    int64_t from[ONNX_MAX_RANK];
    for (uint32_t i = 0; i < source->rank; i++) from[axes[i]] = at[i];
    *index = 0;
    for (uint32_t i = 0; i < source->rank; i++) *index = *index * (uint64_t)source->dims[i] + (uint64_t)from[i];
    return true;
}

shunt_status onnx_fold_transpose(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    uint32_t axes[ONNX_MAX_RANK];
    onnx_tensor tensor = source;
    shunt_status status = onnx_order(node, source.rank, axes);
    if (status) return status;
    for (uint32_t i = 0; i < source.rank; i++) tensor.dims[i] = source.dims[axes[i]];
    status = source.splat ? SHUNT_OK : rearrange(node, &source, &tensor, find_transposed, axes, NULL);
    return status ? status : finish(node, &tensor);
}

static bool find_padded(const void *context, const onnx_tensor *source, const int64_t *at, uint64_t *index)
{
    const onnx_padding *padding = context;
    *index = 0;
    for (uint32_t i = 0; i < source->rank; i++) {
        int64_t place = at[i] - padding->before[i], size = source->dims[i];
        if ((place < 0 || place >= size) && padding->mode == SHUNT_PAD_CONSTANT) return false;
        if (padding->mode == SHUNT_PAD_REFLECT)
            place = place < 0 ? -place : place >= size ? 2 * size - 2 - place : place;
        if (padding->mode == ONNX_PAD_WRAP) place = (place % size + size) % size;
        place = place < 0 ? 0 : place >= size ? size - 1 : place;
        *index = *index * (uint64_t)size + (uint64_t)place;
    }
    return true;
}

shunt_status onnx_fold_pad(onnx_node *node)
{
    static const wire_bytes zero = {0}; /* or an empty text */
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    const onnx_value *given = onnx_input(node, 2);
    onnx_tensor tensor = source, fill = {.type = source.type, .data = (const uint8_t *)&zero};
    onnx_padding padding;
    shunt_status status = onnx_padding_read(node, source.rank, source.dims, &padding);
    if (status) return status;
    if (node->in->opset < 11 || (given && (given->tensor.type != source.type || onnx_size(&given->tensor) < 1)))
        return error_fail(SHUNT_E_UNSUPPORTED, "its value is not one of its input's type");
    if (given) fill = given->tensor;
    for (uint32_t i = 0; i < source.rank; i++) tensor.dims[i] += padding.before[i] + padding.after[i];
    status = rearrange(node, &source, &tensor, find_padded, &padding, &fill);
    return status ? status : finish(node, &tensor);
}

static bool find_sliced(const void *context, const onnx_tensor *source, const int64_t *at, uint64_t *index)
{
    const onnx_slicing *slicing = context;
    *index = 0;
    for (uint32_t i = 0; i < source->rank; i++)
        *index = *index * (uint64_t)source->dims[i] + (uint64_t)(slicing->start[i] + at[i] * slicing->step[i]);
    return true;
}

shunt_status onnx_fold_cut(onnx_node *node, uint32_t index, const onnx_slicing *slicing)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    onnx_tensor tensor = source;
    memcpy(tensor.dims, slicing->count, source.rank * sizeof *tensor.dims);
    shunt_status status = source.splat ? SHUNT_OK : rearrange(node, &source, &tensor, find_sliced, slicing, NULL);
    return status ? status : onnx_result(node, index, &tensor, SHUNT_NO_VALUE);
}

shunt_status onnx_fold_slice(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    onnx_slicing slicing;
    shunt_status status = onnx_slicing_read(node, source.rank, source.dims, &slicing);
    return status ? status : onnx_fold_cut(node, 0, &slicing);
}

/* ---- Broadcasting --------------------------------------------------------------------------------------------------- */

static bool find_repeated(const void *context, const onnx_tensor *source, const int64_t *at, uint64_t *index)
{
    const onnx_tensor *result = context;
    *index = onnx_broadcast_index(source, at, result->rank);
    return true;
}

shunt_status onnx_fold_expand(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    onnx_tensor tensor;
    shunt_status status = onnx_expanded(node, &tensor);
    if (status) return status;
    status = source.splat ? SHUNT_OK : rearrange(node, &source, &tensor, find_repeated, &tensor, NULL);
    return status ? status : finish(node, &tensor);
}
