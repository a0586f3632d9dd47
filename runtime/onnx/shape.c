/* shape.c - operators that change only the shape, or the order of axes. The former cost nothing: the value keeps its
 * elements and gets another shape. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/error.h"

/* The input's elements under another shape. */
static shunt_status alias(onnx_node *node, uint32_t rank, const int64_t *dims)
{
    const onnx_value *source = onnx_input(node, 0);
    onnx_tensor tensor = source->tensor;
    tensor.rank = (uint8_t)rank;
    memset(tensor.dims, 0, sizeof tensor.dims);
    memcpy(tensor.dims, dims, rank * sizeof *dims);
    return onnx_result(node, 0, &tensor, source->value);
}

shunt_status onnx_import_identity(onnx_node *node)
{
    const onnx_tensor tensor = onnx_input(node, 0)->tensor;
    return alias(node, tensor.rank, tensor.dims);
}

/* At inference nothing is dropped: the mask, if it is asked for, is all true. */
shunt_status onnx_import_dropout(onnx_node *node)
{
    static const uint8_t yes = 1;
    const onnx_value *ratio = onnx_input(node, 1), *training = onnx_input(node, 2);
    int64_t is_test = 1;
    shunt_status status = node->in->opset < 7 ? onnx_attribute_int(node, "is_test", &is_test) : SHUNT_OK;
    if (status) return status;
    bool trains = training && !(onnx_is_constant(training) && onnx_size(&training->tensor) == 1 &&
                                onnx_integer(&training->tensor, 0) == 0);
    bool drops =
        !ratio || !onnx_is_constant(ratio) || onnx_size(&ratio->tensor) != 1 || onnx_number(&ratio->tensor, 0) != 0;
    if (!is_test || (trains && drops))
        return error_fail(SHUNT_E_UNSUPPORTED, "it drops at random, as in training; export the network for inference");
    onnx_tensor mask = onnx_input(node, 0)->tensor;
    mask.type = ONNX_BOOL;
    mask.splat = true;
    mask.data = &yes;
    status = onnx_import_identity(node);
    if (status) return status;
    return onnx_result(node, 1, &mask, SHUNT_NO_VALUE);
}

shunt_status onnx_import_flatten(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    int64_t axis = 1, dims[2] = {1, 1};
    shunt_status status = onnx_attribute_int(node, "axis", &axis);
    if (status) return status;
    if (axis < 0) axis += source.rank;
    if (axis < 0 || axis > source.rank)
        return error_fail(SHUNT_E_INVALID, "axis %" PRId64 " of a tensor of rank %u", axis, source.rank);
    for (uint32_t i = 0; i < source.rank; i++) dims[i >= axis] *= source.dims[i];
    return alias(node, 2, dims);
}

shunt_status onnx_import_reshape(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    onnx_ints wanted;
    int64_t zero_is_zero = 0, left = -1;
    uint64_t known = 1, total = onnx_size(&source), count;
    onnx_tensor made = {0};
    shunt_status status = onnx_input_ints(node, 1, "dimensions", &wanted);
    if (!status) status = onnx_attribute_int(node, "allowzero", &zero_is_zero);
    if (status) return status;
    if (wanted.count > ONNX_MAX_RANK) return error_fail(SHUNT_E_UNSUPPORTED, "its result has a rank over 8");
    made.rank = (uint8_t)wanted.count;
    for (uint32_t i = 0; i < wanted.count; i++) {
        made.dims[i] = wanted.at[i];
        if (wanted.at[i] == 0 && !zero_is_zero) {
            if (i >= source.rank) return error_fail(SHUNT_E_INVALID, "its input has no dimension %u to copy", i);
            made.dims[i] = source.dims[i];
        }
        if (wanted.at[i] < -1 || (wanted.at[i] == -1 && left >= 0))
            return error_fail(SHUNT_E_INVALID, "a dimension of %" PRId64, wanted.at[i]);
        if (wanted.at[i] == -1) left = i, made.dims[i] = 1;
    }
    status = onnx_count(&made, &known);
    if (status) return status;
    if (left >= 0 && (!known || total % known))
        return error_fail(SHUNT_E_INVALID, "%" PRIu64 " elements do not divide into the new shape", total);
    if (left >= 0) made.dims[left] = (int64_t)(total / known);
    status = onnx_count(&made, &count);
    if (!status && count != total)
        status = error_fail(SHUNT_E_INVALID, "%" PRIu64 " elements do not fill a shape of %" PRIu64, total, count);
    return status ? status : alias(node, made.rank, made.dims);
}

/* From the attribute, or since opset 13 from an input. */
static shunt_status read_axes(onnx_node *node, onnx_ints *axes)
{
    return node->in->opset < 13 ? onnx_attribute_ints(node, "axes", axes) : onnx_input_ints(node, 1, "axes", axes);
}

shunt_status onnx_import_squeeze(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    onnx_ints axes;
    uint32_t gone = 0, axis, rank = 0;
    int64_t dims[ONNX_MAX_RANK];
    shunt_status status = read_axes(node, &axes);
    for (uint32_t i = 0; i < axes.count && !status; i++) {
        status = onnx_axis(axes.at[i], source.rank, &axis);
        if (!status && source.dims[axis] != 1)
            status = error_fail(SHUNT_E_INVALID, "axis %u has %" PRId64 " elements, not 1", axis, source.dims[axis]);
        if (!status) gone |= 1u << axis;
    }
    if (status) return status;
    for (uint32_t i = 0; i < source.rank; i++)
        if (axes.there ? !(gone >> i & 1) : source.dims[i] != 1) dims[rank++] = source.dims[i];
    return alias(node, rank, dims);
}

shunt_status onnx_import_unsqueeze(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    onnx_ints axes;
    uint32_t added = 0, axis, next = 0;
    int64_t dims[ONNX_MAX_RANK];
    shunt_status status = read_axes(node, &axes);
    uint32_t rank = source.rank + axes.count;
    if (!status && rank > ONNX_MAX_RANK) status = error_fail(SHUNT_E_UNSUPPORTED, "its result has a rank over 8");
    for (uint32_t i = 0; i < axes.count && !status; i++) {
        status = onnx_axis(axes.at[i], rank, &axis);
        if (!status && added >> axis & 1) status = error_fail(SHUNT_E_INVALID, "axis %u occurs twice", axis);
        if (!status) added |= 1u << axis;
    }
    if (status) return status;
    for (uint32_t i = 0; i < rank; i++) dims[i] = added >> i & 1 ? 1 : source.dims[next++];
    return alias(node, rank, dims);
}

shunt_status onnx_order(const onnx_node *node, uint32_t rank, uint32_t *axes)
{
    onnx_ints order;
    uint32_t seen = 0;
    shunt_status status = onnx_attribute_ints(node, "perm", &order);
    if (status) return status;
    if (!order.there)
        for (order.count = 0; order.count < rank; order.count++) order.at[order.count] = rank - 1 - order.count;
    if (order.count != rank)
        return error_fail(SHUNT_E_INVALID, "it orders %u axes of a tensor of rank %u", order.count, rank);
    for (uint32_t i = 0; i < rank; i++) {
        if (order.at[i] < 0 || order.at[i] >= rank || seen >> order.at[i] & 1)
            return error_fail(SHUNT_E_INVALID, "axis %" PRId64 " is not valid in a permutation of %u", order.at[i],
                              rank);
        seen |= 1u << order.at[i];
        axes[i] = (uint32_t)order.at[i];
    }
    return SHUNT_OK;
}

/* The op that makes the value, if it is a transpose. */
static const graph_op *transpose_of(const shunt_graph *graph, shunt_value value)
{
    const int32_t producer = graph->values[value].producer;
    return producer >= 0 && graph->ops[producer].kind == SHUNT_OP_TRANSPOSE ? &graph->ops[producer] : NULL;
}

/* Two in a row are one, or none: networks whose channels come last are turned for each convolution, and back. */
shunt_status onnx_transpose(onnx_node *node, shunt_value src, const uint32_t *axes, shunt_value *out)
{
    shunt_op_attr attr = {.words = {0}};
    bool same = true;
    uint32_t rank = onnx_desc(node, src).rank;
    const graph_op *before = transpose_of(node->in->graph, src);
    for (uint32_t i = 0; i < rank; i++) {
        attr.transpose.axes[i] = before ? before->attr.transpose.axes[axes[i]] : (int32_t)axes[i];
        same &= attr.transpose.axes[i] == (int32_t)i;
    }
    if (before) src = before->inputs[0];
    *out = src;
    return same ? SHUNT_OK : onnx_append(node, SHUNT_OP_TRANSPOSE, 0, &attr, 1, &src, out);
}

shunt_status onnx_import_transpose(onnx_node *node)
{
    onnx_tensor tensor = onnx_input(node, 0)->tensor, source = tensor;
    uint32_t axes[ONNX_MAX_RANK] = {0}; /* of a single number none is asked for, and the graph has one */
    shunt_value src, dst;
    shunt_status status = onnx_order(node, source.rank, axes);
    if (!status) status = onnx_as_is(node, 0, &src);
    if (!status) status = onnx_transpose(node, src, axes, &dst);
    if (status) return status;
    for (uint32_t i = 0; i < source.rank; i++) tensor.dims[i] = source.dims[axes[i]];
    return onnx_result(node, 0, &tensor, dst);
}
