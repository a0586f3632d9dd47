/* elementwise.c - operators that take elements one by one or row by row: additions, ReLU, clipping, softmax; and Concat. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "runtime/base/error.h"

shunt_status onnx_import_unary(onnx_node *node)
{
    const onnx_tensor tensor = onnx_input(node, 0)->tensor;
    shunt_value src, dst;
    shunt_status status = onnx_as_is(node, 0, &src);
    if (!status) status = onnx_append(node, onnx_unary_kind(node), 0, NULL, 1, &src, &dst);
    return status ? status : onnx_result(node, 0, &tensor, dst);
}

/* A limit: an attribute before opset 11, else an input that is one number. */
static shunt_status read_limit(onnx_node *node, const char *name, uint32_t index, float *out)
{
    if (node->in->opset < 11) return onnx_attribute_float(node, name, out);
    const onnx_value *value = onnx_input(node, index);
    if (!value) return SHUNT_OK;
    if (!onnx_is_constant(value) || onnx_size(&value->tensor) != 1)
        return error_fail(SHUNT_E_UNSUPPORTED, "its %s is not one constant number", name);
    *out = (float)onnx_number(&value->tensor, 0);
    return SHUNT_OK;
}

shunt_status onnx_import_clip(onnx_node *node)
{
    const onnx_tensor tensor = onnx_input(node, 0)->tensor;
    shunt_op_attr attr = {.clip = {.low = -INFINITY, .high = INFINITY}};
    shunt_value src, dst;
    shunt_status status = read_limit(node, "min", 1, &attr.clip.low);
    if (!status) status = read_limit(node, "max", 2, &attr.clip.high);
    if (!status) status = onnx_as_is(node, 0, &src);
    bool relu = attr.clip.low == 0 && attr.clip.high == INFINITY;
    if (!status) status = onnx_append(node, relu ? SHUNT_OP_RELU : SHUNT_OP_CLIP, 0, &attr, 1, &src, &dst);
    return status ? status : onnx_result(node, 0, &tensor, dst);
}

/* ---- Additions -------------------------------------------------------------------------------------------------- */

shunt_status onnx_broadcast(const onnx_tensor *a, const onnx_tensor *b, onnx_tensor *out)
{
    onnx_tensor made = *a;
    made.rank = a->rank > b->rank ? a->rank : b->rank;
    for (uint32_t i = 1; i <= made.rank; i++) { /* from the last axis on */
        int64_t x = i <= a->rank ? a->dims[a->rank - i] : 1, y = i <= b->rank ? b->dims[b->rank - i] : 1;
        if (x != y && x != 1 && y != 1)
            return error_fail(SHUNT_E_INVALID, "axes of %" PRId64 " and %" PRId64 " elements do not broadcast", x, y);
        made.dims[made.rank - i] = x == 1 ? y : x;
    }
    *out = made;
    return SHUNT_OK;
}

/* A constant of one picture stays so when the batch grows; what else has one picture now grows with it. */
static bool repeats(const onnx_node *node, shunt_value a, shunt_value b, const shunt_tensor_desc *desc)
{
    const graph_value *values = node->in->graph->values;
    return (values[a].source == VALUE_PARAMETER) != (values[b].source == VALUE_PARAMETER) && desc->rank > 1 &&
           desc->dims[0] == 1;
}

static shunt_status combine(onnx_node *node, shunt_op_kind kind, shunt_value a, shunt_value b, shunt_value *out)
{
    shunt_value pair[2] = {a, b};
    shunt_tensor_desc descs[2] = {onnx_desc(node, a), onnx_desc(node, b)};
    uint32_t rank = descs[0].rank > descs[1].rank ? descs[0].rank : descs[1].rank;
    bool alike = descs[0].rank == descs[1].rank && !memcmp(descs[0].dims, descs[1].dims, sizeof descs[0].dims);
    for (int i = 0; i < 2 && !alike; i++) {
        int64_t dims[SHUNT_MAX_RANK];
        uint32_t missing = rank - descs[i].rank;
        for (uint32_t k = 0; k < rank; k++) dims[k] = k < missing ? 1 : descs[i].dims[k - missing];
        shunt_status status = onnx_reshape(node, pair[i], rank, dims, &pair[i]);
        if (status) return status;
    }
    alike = alike && !repeats(node, a, b, &descs[0]);
    return onnx_append(node, kind, alike ? 0 : SHUNT_FLAG_BROADCAST, NULL, 2, pair, out);
}

shunt_status onnx_add(onnx_node *node, shunt_value a, shunt_value b, shunt_value *out)
{
    return combine(node, SHUNT_OP_ADD, a, b, out);
}

shunt_status onnx_multiply(onnx_node *node, shunt_value a, shunt_value b, shunt_value *out)
{
    return combine(node, SHUNT_OP_MUL, a, b, out);
}

/* Before opset 7 b's first axis could be given: then ones follow b's shape. */
static shunt_status align_old(onnx_node *node, const onnx_tensor *a, onnx_tensor *b)
{
    int64_t axis = -1;
    if (node->in->opset >= 7) return SHUNT_OK;
    shunt_status status = onnx_attribute_int(node, "axis", &axis);
    if (status || axis < 0) return status;
    if (axis + b->rank > a->rank)
        return error_fail(SHUNT_E_INVALID, "its second input does not fit from axis %" PRId64 " on", axis);
    for (; axis + b->rank < a->rank; b->rank++) b->dims[b->rank] = 1;
    return SHUNT_OK;
}

/* Add and Sum. */
shunt_status onnx_import_add(onnx_node *node)
{
    onnx_tensor sum = onnx_input(node, 0)->tensor;
    shunt_value total, term;
    shunt_status status = onnx_as_is(node, 0, &total);
    for (uint32_t i = 1; i < node->ninputs && !status; i++) {
        const onnx_value *value = onnx_input(node, i);
        if (!value) return error_fail(SHUNT_E_INVALID, "its input %u is left out", i);
        onnx_tensor tensor = value->tensor;
        status = align_old(node, &sum, &tensor);
        if (!status) status = onnx_broadcast(&sum, &tensor, &sum);
        if (!status) status = onnx_shaped(node, i, tensor.rank, tensor.dims, &term);
        if (!status) status = onnx_add(node, total, term, &total);
    }
    sum.data = NULL;
    return status ? status : onnx_result(node, 0, &sum, total);
}

/* ---- Softmax ---------------------------------------------------------------------------------------------------- */

/* Over the last axis, all others being rows. */
static shunt_status softmax_rows(onnx_node *node, shunt_value src, int64_t rows, int64_t classes, shunt_value *dst)
{
    bool logarithm = wire_is(node->op, "LogSoftmax");
    int64_t dims[2] = {rows, classes};
    shunt_status status = onnx_reshape(node, src, 2, dims, &src);
    return status ? status
                  : onnx_append(node, logarithm ? SHUNT_OP_LOG_SOFTMAX : SHUNT_OP_SOFTMAX, 0, NULL, 1, &src, dst);
}

/* The axis is brought to the end, unless only ones follow it. */
static shunt_status softmax_axis(onnx_node *node, const onnx_tensor *tensor, uint32_t axis, shunt_value *out)
{
    uint32_t there[ONNX_MAX_RANK], back[ONNX_MAX_RANK], rank = tensor->rank, next = 0;
    int64_t after = 1, dims[ONNX_MAX_RANK];
    shunt_value src;
    shunt_status status = onnx_as_is(node, 0, &src);
    for (uint32_t i = axis + 1; i < rank; i++) after *= tensor->dims[i];
    for (uint32_t i = 0; i < rank; i++)
        if (i != axis) there[next++] = i;
    there[next] = axis;
    for (uint32_t i = 0; i < rank; i++) {
        back[there[i]] = i;
        dims[i] = tensor->dims[there[i]];
    }
    int64_t rows = (int64_t)onnx_size(tensor) / tensor->dims[axis];
    if (!status && after > 1) status = onnx_transpose(node, src, there, &src);
    if (!status) status = softmax_rows(node, src, rows, tensor->dims[axis], out);
    if (status || after == 1) return status;
    status = onnx_reshape(node, *out, rank, dims, out);
    return status ? status : onnx_transpose(node, *out, back, out);
}

/* Softmax and LogSoftmax. Before opset 13 all axes from `axis` on are the classes. */
shunt_status onnx_import_softmax(onnx_node *node)
{
    const onnx_tensor tensor = onnx_input(node, 0)->tensor;
    int64_t where = node->in->opset < 13 ? 1 : -1, rows = 1;
    uint32_t axis;
    shunt_value src, dst;
    shunt_status status = onnx_attribute_int(node, "axis", &where);
    if (status) return status;
    if (node->in->opset < 13 && where == tensor.rank)
        return error_fail(SHUNT_E_UNSUPPORTED, "its axis is behind the last one");
    status = onnx_axis(where, tensor.rank, &axis);
    if (status) return status;
    if (node->in->opset >= 13) {
        status = softmax_axis(node, &tensor, axis, &dst);
    } else {
        for (uint32_t i = 0; i < axis; i++) rows *= tensor.dims[i];
        status = onnx_as_is(node, 0, &src);
        if (!status) status = softmax_rows(node, src, rows, (int64_t)onnx_size(&tensor) / rows, &dst);
    }
    return status ? status : onnx_result(node, 0, &tensor, dst);
}

/* ---- Concat ----------------------------------------------------------------------------------------------------- */

shunt_status onnx_import_concat(onnx_node *node)
{
    onnx_tensor tensor = onnx_input(node, 0)->tensor;
    int64_t where = 1; /* the default of old */
    uint32_t axis;
    shunt_value pair[2];
    shunt_op_attr attr = {.words = {0}};
    shunt_status status = onnx_attribute_int(node, "axis", &where);
    if (!status) status = onnx_axis(where, tensor.rank, &axis);
    if (!status) status = onnx_as_is(node, 0, &pair[0]);
    if (status) return status;
    attr.concat.axis = (int32_t)axis;
    for (uint32_t i = 1; i < node->ninputs && !status; i++) {
        const onnx_value *value = onnx_input(node, i);
        if (!value) return error_fail(SHUNT_E_INVALID, "its input %u is left out", i);
        if (value->tensor.rank != tensor.rank)
            return error_fail(SHUNT_E_INVALID, "its inputs 0 and %u differ in rank", i);
        tensor.dims[axis] += value->tensor.dims[axis];
        status = onnx_as_is(node, i, &pair[1]);
        if (!status) status = onnx_append(node, SHUNT_OP_CONCAT, 0, &attr, 2, pair, &pair[0]);
    }
    tensor.data = NULL;
    return status ? status : onnx_result(node, 0, &tensor, pair[0]);
}
