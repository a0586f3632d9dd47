/* slice.c - Slice: runs of elements along some axes, in steps. In the graph it is a cut to whole steps, of each of which the
 * first element is kept; a step backwards is a step forwards in the axis turned around. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>

#include "runtime/base/error.h"

static int64_t limit(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* Numbers below 0 count from the end; what lies beyond the ends is brought there. size > 0. */
static void set_axis(onnx_slicing *s, uint32_t axis, int64_t size, int64_t start, int64_t end, int64_t step)
{
    const bool back = step < 0;
    start = limit(start < 0 ? start + size : start, 0, back ? size - 1 : size);
    end = limit(end < 0 ? end + size : end, back ? -1 : 0, size);
    step = limit(step, -size, size); /* beyond the axis it is the same: one element */
    const int64_t length = back ? start - end : end - start, pace = back ? -step : step;
    s->start[axis] = start;
    s->step[axis] = step;
    s->count[axis] = length > 0 ? (length + pace - 1) / pace : 0;
}

static shunt_status read_lists(const onnx_node *node, onnx_ints *starts, onnx_ints *ends, onnx_ints *axes,
                               onnx_ints *steps)
{
    const bool attributes = node->in->opset < 10;
    *steps = (onnx_ints){0};
    shunt_status status =
        attributes ? onnx_attribute_ints(node, "starts", starts) : onnx_input_ints(node, 1, "starts", starts);
    if (!status) status = attributes ? onnx_attribute_ints(node, "ends", ends) : onnx_input_ints(node, 2, "ends", ends);
    if (!status) status = attributes ? onnx_attribute_ints(node, "axes", axes) : onnx_input_ints(node, 3, "axes", axes);
    if (!status && !attributes) status = onnx_input_ints(node, 4, "steps", steps);
    if (status) return status;
    const uint32_t count = starts->count;
    if (!starts->there || ends->count != count || (axes->there && axes->count != count) ||
        (steps->there && steps->count != count))
        return error_fail(SHUNT_E_INVALID, "it has %u starts, %u ends, %u axes and %u steps", count, ends->count,
                          axes->count, steps->count);
    return SHUNT_OK;
}

shunt_status onnx_slicing_read(const onnx_node *node, uint32_t rank, const int64_t *dims, onnx_slicing *out)
{
    onnx_ints starts, ends, axes, steps;
    uint32_t axis, seen = 0;
    shunt_status status = read_lists(node, &starts, &ends, &axes, &steps);
    for (uint32_t i = 0; i < rank; i++) out->start[i] = 0, out->step[i] = 1, out->count[i] = dims[i];
    for (uint32_t i = 0; !status && i < starts.count; i++) {
        status = onnx_axis(axes.there ? axes.at[i] : i, rank, &axis);
        if (status) return status;
        if (seen >> axis & 1) return error_fail(SHUNT_E_INVALID, "it slices axis %u twice", axis);
        seen |= 1u << axis;
        if (steps.there && !steps.at[i]) return error_fail(SHUNT_E_INVALID, "its step along axis %u is 0", axis);
        if (dims[axis]) set_axis(out, axis, dims[axis], starts.at[i], ends.at[i], steps.there ? steps.at[i] : 1);
    }
    return status;
}

/* ---- In the graph -------------------------------------------------------------------------------------------------- */

/* Padding by negative amounts cuts. */
static shunt_status pad(onnx_node *node, const shunt_op_attr *attr, uint32_t rank, int64_t *dims, shunt_value *value)
{
    bool change = false;
    for (uint32_t i = 0; i < rank; i++) {
        change |= attr->pad.before[i] || attr->pad.after[i];
        dims[i] += attr->pad.before[i] + attr->pad.after[i];
    }
    return change ? onnx_append(node, SHUNT_OP_PAD, 0, attr, 1, value, value) : SHUNT_OK;
}

/* The axes with steps backwards turned around: mirrored at their start, and the mirror image kept. */
static shunt_status turn(onnx_node *node, onnx_slicing *s, uint32_t rank, int64_t *dims, shunt_value *value)
{
    shunt_op_attr mirror = {.pad = {.mode = SHUNT_PAD_REFLECT}}, keep = {.pad = {.mode = SHUNT_PAD_CONSTANT}};
    for (uint32_t i = 0; i < rank; i++) {
        if (s->step[i] > 0) continue;
        mirror.pad.before[i] = (int32_t)(dims[i] - 1);
        keep.pad.after[i] = -mirror.pad.before[i];
        s->start[i] = dims[i] - 1 - s->start[i];
        s->step[i] = -s->step[i];
    }
    shunt_status status = pad(node, &mirror, rank, dims, value);
    return status ? status : pad(node, &keep, rank, dims, value);
}

/* Each axis from its start on as many elements as its steps take, with zeros behind the last if there are too few. */
static shunt_status cut(onnx_node *node, const onnx_slicing *s, uint32_t rank, int64_t *dims, shunt_value *value)
{
    shunt_op_attr attr = {.pad = {.mode = SHUNT_PAD_CONSTANT}};
    for (uint32_t i = 0; i < rank; i++) {
        attr.pad.before[i] = (int32_t)-s->start[i];
        attr.pad.after[i] = (int32_t)(s->start[i] + s->count[i] * s->step[i] - dims[i]);
    }
    return pad(node, &attr, rank, dims, value);
}

shunt_status onnx_crop(onnx_node *node, uint32_t rank, int64_t *dims, uint32_t axis, int64_t start, int64_t count,
                       shunt_value *value)
{
    shunt_op_attr attr = {.pad = {.mode = SHUNT_PAD_CONSTANT}};
    attr.pad.before[axis] = (int32_t)-start;
    attr.pad.after[axis] = (int32_t)(start + count - dims[axis]);
    return pad(node, &attr, rank, dims, value);
}

/* Of each step along the axis the first element: a row of the matrix that has a row for every step loses the rest. */
static shunt_status take_first(onnx_node *node, uint32_t rank, int64_t *dims, uint32_t axis, int64_t step,
                               shunt_value *value)
{
    int64_t matrix[2] = {dims[axis] / step, step}, inner = 1;
    for (uint32_t i = 0; i < axis; i++) matrix[0] *= dims[i];
    for (uint32_t i = axis + 1; i < rank; i++) inner *= dims[i];
    matrix[1] *= inner;
    shunt_status status = onnx_reshape(node, *value, 2, matrix, value);
    const shunt_op_attr attr = {.pad = {.mode = SHUNT_PAD_CONSTANT, .after = {0, (int32_t)(inner - matrix[1])}}};
    if (!status) status = pad(node, &attr, 2, matrix, value);
    dims[axis] /= step;
    return status ? status : onnx_reshape(node, *value, rank, dims, value);
}

static shunt_status check_dims(uint32_t rank, const int64_t *dims, const onnx_slicing *s)
{
    if (rank > SHUNT_MAX_RANK)
        return error_fail(SHUNT_E_UNSUPPORTED, "its input has rank %u; Shunt has %d at most", rank, SHUNT_MAX_RANK);
    for (uint32_t i = 0; i < rank; i++) {
        if (!s->count[i]) return error_fail(SHUNT_E_UNSUPPORTED, "its result has no elements along axis %u", i);
        if (dims[i] > INT32_MAX / 2)
            return error_fail(SHUNT_E_UNSUPPORTED, "a dimension of %" PRId64 " is too large", dims[i]);
    }
    return SHUNT_OK;
}

shunt_status onnx_import_slice(onnx_node *node)
{
    onnx_tensor tensor = onnx_input(node, 0)->tensor;
    onnx_slicing s;
    shunt_value value;
    shunt_status status = onnx_slicing_read(node, tensor.rank, tensor.dims, &s);
    if (!status) status = check_dims(tensor.rank, tensor.dims, &s);
    if (!status) status = onnx_as_is(node, 0, &value);
    if (!status) status = turn(node, &s, tensor.rank, tensor.dims, &value);
    if (!status) status = cut(node, &s, tensor.rank, tensor.dims, &value);
    for (uint32_t i = 0; i < tensor.rank && !status; i++)
        if (s.step[i] > 1) status = take_first(node, tensor.rank, tensor.dims, i, s.step[i], &value);
    tensor.data = NULL;
    return status ? status : onnx_result(node, 0, &tensor, value);
}
