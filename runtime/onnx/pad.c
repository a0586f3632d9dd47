/* pad.c - Pad: what it does to each axis comes from attributes, or since opset 11 from inputs. The graph's op has all modes
 * but wrap, which is made of copies. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "runtime/base/error.h"

static shunt_status read_mode(const onnx_node *node, int32_t *mode)
{
    wire_bytes text = {(const uint8_t *)"constant", 8};
    shunt_status status = onnx_attribute_text(node, "mode", &text);
    if (status) return status;
    if (wire_is(text, "constant"))
        *mode = SHUNT_PAD_CONSTANT;
    else if (wire_is(text, "reflect"))
        *mode = SHUNT_PAD_REFLECT;
    else if (wire_is(text, "edge"))
        *mode = SHUNT_PAD_EDGE;
    else if (wire_is(text, "wrap"))
        *mode = ONNX_PAD_WRAP;
    else
        return error_fail(SHUNT_E_UNSUPPORTED, "its mode is '%.*s'; Shunt has constant, reflect, edge and wrap",
                          text.size < 40 ? (int)text.size : 40, (const char *)text.data);
    return SHUNT_OK;
}

static shunt_status set_axis(onnx_padding *padding, uint32_t axis, int64_t size, int64_t before, int64_t after)
{
    const int64_t most = padding->mode == SHUNT_PAD_REFLECT ? size - 1 : INT32_MAX;
    if (size < 1 || before > most || after > most || before <= -size || after <= -size || before < INT32_MIN ||
        after < INT32_MIN || size + before + after < 1)
        return error_fail(SHUNT_E_INVALID,
                          "axis %u of %" PRId64 " elements cannot be padded by %" PRId64 " and %" PRId64, axis, size,
                          before, after);
    padding->before[axis] = before;
    padding->after[axis] = after;
    return SHUNT_OK;
}

shunt_status onnx_padding_read(const onnx_node *node, uint32_t rank, const int64_t *dims, onnx_padding *out)
{
    onnx_ints pads, axes = {.count = rank};
    uint32_t axis = 0;
    *out = (onnx_padding){0};
    shunt_status status = read_mode(node, &out->mode);
    if (!status)
        status =
            node->in->opset < 11 ? onnx_attribute_ints(node, "pads", &pads) : onnx_input_ints(node, 1, "pads", &pads);
    if (!status && node->in->opset >= 18) status = onnx_input_ints(node, 3, "axes", &axes);
    if (status) return status;
    if (!axes.there)
        for (axes.count = 0; axes.count < rank; axes.count++) axes.at[axes.count] = axes.count;
    if (pads.count != 2 * axes.count)
        return error_fail(SHUNT_E_INVALID, "it has %u pads for %u axes", pads.count, axes.count);
    for (uint32_t i = 0; i < axes.count && !status; i++) {
        status = onnx_axis(axes.at[i], rank, &axis);
        if (!status) status = set_axis(out, axis, dims[axis], pads.at[i], pads.at[axes.count + i]);
    }
    return status;
}

static shunt_status read_value(const onnx_node *node, float *out)
{
    *out = 0;
    if (node->in->opset < 11) return onnx_attribute_float(node, "value", out);
    const onnx_value *value = onnx_input(node, 2);
    if (!value) return SHUNT_OK;
    if (!onnx_is_constant(value) || onnx_size(&value->tensor) != 1)
        return error_fail(SHUNT_E_UNSUPPORTED, "its value is not one constant number");
    *out = (float)onnx_number(&value->tensor, 0);
    return SHUNT_OK;
}

/* Wraps around along one axis: the tensor is repeated, doubling its length until it is long enough, and the rest is cut off. */
static shunt_status wrap_axis(onnx_node *node, uint32_t axis, int64_t size, int64_t before, int64_t after,
                              shunt_value *value)
{
    const int64_t front = before > 0 ? (before + size - 1) / size : 0, back = after > 0 ? (after + size - 1) / size : 0;
    const shunt_op_attr join = {.concat = {.axis = (int32_t)axis}};
    shunt_op_attr cut = {.pad = {.mode = SHUNT_PAD_CONSTANT}};
    shunt_status status = SHUNT_OK;
    int64_t copies = 1;
    for (; copies < front + 1 + back && !status; copies *= 2) {
        const shunt_value pair[2] = {*value, *value};
        if (copies * size > INT32_MAX / 2)
            return error_fail(SHUNT_E_UNSUPPORTED, "axis %u of %" PRId64 " elements is too large to be repeated", axis,
                              size);
        status = onnx_append(node, SHUNT_OP_CONCAT, 0, &join, 2, pair, value);
    }
    cut.pad.before[axis] = (int32_t)(before - front * size);
    cut.pad.after[axis] = (int32_t)(after - (copies - 1 - front) * size);
    if (status || (!cut.pad.before[axis] && !cut.pad.after[axis])) return status;
    return onnx_append(node, SHUNT_OP_PAD, 0, &cut, 1, value, value);
}

static shunt_status pad_graph(onnx_node *node, const onnx_padding *padding, float fill, const onnx_tensor *src,
                              shunt_value *value)
{
    shunt_op_attr attr = {.pad = {.mode = padding->mode, .value = fill}};
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; i < src->rank && !status; i++) {
        attr.pad.before[i] = (int32_t)padding->before[i];
        attr.pad.after[i] = (int32_t)padding->after[i];
        if (padding->mode == ONNX_PAD_WRAP)
            status = wrap_axis(node, i, src->dims[i], padding->before[i], padding->after[i], value);
    }
    if (status || padding->mode == ONNX_PAD_WRAP) return status;
    return onnx_append(node, SHUNT_OP_PAD, 0, &attr, 1, value, value);
}

shunt_status onnx_import_pad(onnx_node *node)
{
    const onnx_tensor src = onnx_input(node, 0)->tensor;
    onnx_tensor dst = src;
    onnx_padding padding;
    shunt_value value;
    float fill = 0;
    if (src.rank > SHUNT_MAX_RANK)
        return error_fail(SHUNT_E_UNSUPPORTED, "its input has rank %u; Shunt has %d at most", src.rank, SHUNT_MAX_RANK);
    shunt_status status = onnx_padding_read(node, src.rank, src.dims, &padding);
    if (!status && padding.mode == SHUNT_PAD_CONSTANT) status = read_value(node, &fill);
    if (!status) status = onnx_as_is(node, 0, &value);
    if (!status) status = pad_graph(node, &padding, fill, &src, &value);
    if (status) return status;
    for (uint32_t i = 0; i < src.rank; i++) dst.dims[i] += padding.before[i] + padding.after[i];
    dst.data = NULL;
    return onnx_result(node, 0, &dst, value);
}
