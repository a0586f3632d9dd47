/* split.c - Split: parts of an axis, one after the other. In the graph each is a crop, which is padding by negative amounts. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/error.h"

typedef struct parts {
    uint32_t axis, count;
    int64_t size[ONNX_MOST_ARGUMENTS];
} parts;

/* As long as each other, the last one shorter where the opset allows that. */
static shunt_status share(const onnx_node *node, int64_t length, parts *p)
{
    int64_t wanted = p->count;
    shunt_status status = node->in->opset >= 18 ? onnx_attribute_int(node, "num_outputs", &wanted) : SHUNT_OK;
    if (status) return status;
    if (wanted != p->count)
        return error_fail(SHUNT_E_INVALID, "its num_outputs is %" PRId64 ", and it has %u results", wanted, p->count);
    if (node->in->opset < 18 && length % p->count)
        return error_fail(SHUNT_E_INVALID, "%" PRId64 " elements do not make %u equal parts", length, p->count);
    const int64_t each = (length + p->count - 1) / p->count;
    for (uint32_t i = 0; i < p->count; i++) {
        p->size[i] = each < length ? each : length;
        length -= p->size[i];
    }
    return SHUNT_OK;
}

static shunt_status take(const onnx_ints *sizes, int64_t length, parts *p)
{
    int64_t left = length;
    if (sizes->count != p->count)
        return error_fail(SHUNT_E_INVALID, "it has %u sizes for %u results", sizes->count, p->count);
    for (uint32_t i = 0; i < p->count; i++) {
        p->size[i] = sizes->at[i];
        if (sizes->at[i] < 0 || sizes->at[i] > left)
            return error_fail(SHUNT_E_INVALID, "its parts do not make the %" PRId64 " elements of axis %u", length,
                              p->axis);
        left -= sizes->at[i];
    }
    if (left)
        return error_fail(SHUNT_E_INVALID, "its parts leave %" PRId64 " of the %" PRId64 " elements of axis %u", left,
                          length, p->axis);
    return SHUNT_OK;
}

static shunt_status read_parts(const onnx_node *node, parts *p)
{
    const onnx_tensor *tensor = &onnx_input(node, 0)->tensor;
    onnx_ints sizes = {0};
    int64_t axis = 0;
    *p = (parts){.count = node->noutputs};
    shunt_status status = onnx_attribute_int(node, "axis", &axis);
    if (!status) status = onnx_axis(axis, tensor->rank, &p->axis);
    if (!status)
        status = node->in->opset < 13 ? onnx_attribute_ints(node, "split", &sizes)
                                      : onnx_input_ints(node, 1, "split", &sizes);
    if (status) return status;
    if (!p->count) return error_fail(SHUNT_E_INVALID, "it has no result");
    return sizes.there ? take(&sizes, tensor->dims[p->axis], p) : share(node, tensor->dims[p->axis], p);
}

shunt_status onnx_fold_split(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    onnx_slicing s;
    parts p;
    shunt_status status = read_parts(node, &p);
    for (uint32_t i = 0; i < source.rank; i++) s.start[i] = 0, s.step[i] = 1, s.count[i] = source.dims[i];
    for (uint32_t i = 0; i < p.count && !status; i++) {
        s.count[p.axis] = p.size[i];
        if (node->outputs[i].size) status = onnx_fold_cut(node, i, &s);
        s.start[p.axis] += p.size[i];
    }
    return status;
}

shunt_status onnx_import_split(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    int64_t start = 0;
    parts p;
    shunt_status status = read_parts(node, &p);
    if (!status && source.dims[p.axis] > INT32_MAX / 2)
        status = error_fail(SHUNT_E_UNSUPPORTED, "a dimension of %" PRId64 " is too large", source.dims[p.axis]);
    for (uint32_t i = 0; i < p.count && !status; start += p.size[i++]) {
        onnx_tensor part = source;
        shunt_value value;
        if (!node->outputs[i].size) continue; /* nobody reads it */
        if (!p.size[i]) return error_fail(SHUNT_E_UNSUPPORTED, "its result %u has no elements", i);
        status = onnx_as_is(node, 0, &value);
        if (!status) status = onnx_crop(node, source.rank, part.dims, p.axis, start, p.size[i], &value);
        part.data = NULL;
        if (!status) status = onnx_result(node, i, &part, value);
    }
    return status;
}
