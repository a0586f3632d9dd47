/* pool.c - MaxPool, AveragePool, GlobalAveragePool, ReduceMean. The graph pools in two directions; one direction is two with
 * a height of 1, and three are two and then one: a maximum of maxima, a mean of means of equal windows. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/error.h"

typedef struct pooling {
    onnx_window w;
    bool maximum, count_padding;
} pooling;

/* Zeros put around src, which are then elements like others: ceil_mode's share of a window does not count, padding does. */
static shunt_status pad_explicitly(onnx_node *node, shunt_value src, shunt_pool_attr *pool, const int64_t *extra,
                                   shunt_value *out)
{
    shunt_op_attr attr = {.words = {0}};
    for (int i = 0; i < 2; i++) {
        attr.pad.before[2 + i] = pool->pad_before[i];
        attr.pad.after[2 + i] = pool->pad_after[i] - (int32_t)extra[i];
        pool->pad_before[i] = 0;
        pool->pad_after[i] = (int32_t)extra[i];
    }
    pool->count_padding = 0;
    return onnx_append(node, SHUNT_OP_PAD, 0, &attr, 1, &src, out);
}

/* Pools src (N,C,H,W) in directions first and first + 1 of the window; -1 stands for a direction of size 1. */
static shunt_status pool(onnx_node *node, const pooling *p, shunt_value src, const int *direction, shunt_value *dst)
{
    shunt_op_attr attr = {.words = {0}};
    shunt_pool_attr *a = &attr.pool;
    bool dilated = false, padded = false, extended = false;
    int64_t extra[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        int d = direction[i];
        a->window[i] = a->stride[i] = a->dilation[i] = 1;
        if (d < 0) continue;
        a->window[i] = (int32_t)p->w.window[d];
        a->stride[i] = (int32_t)p->w.stride[d];
        a->dilation[i] = (int32_t)p->w.dilation[d];
        a->pad_before[i] = (int32_t)p->w.before[d];
        a->pad_after[i] = (int32_t)(p->w.after[d] + p->w.extra[d]);
        extra[i] = p->w.extra[d];
        dilated |= a->dilation[i] > 1;
        padded |= p->w.before[d] || p->w.after[d];
        extended |= extra[i] > 0;
    }
    if (!dilated) a->dilation[0] = a->dilation[1] = 0;
    a->count_padding = !p->maximum && p->count_padding && padded;
    shunt_status status = SHUNT_OK;
    if (a->count_padding && extended) status = pad_explicitly(node, src, a, extra, &src);
    if (status) return status;
    return onnx_append(node, p->maximum ? SHUNT_OP_MAX_POOL : SHUNT_OP_AVG_POOL, dilated ? SHUNT_FLAG_DILATED : 0,
                       &attr, 1, &src, dst);
}

/* src (N,C,D,H,W): first H and W, the planes of the depth being channels, then D, with H and W as one row. */
static shunt_status pool_deep(onnx_node *node, const pooling *p, const onnx_tensor *src, shunt_value *dst)
{
    const int64_t *dims = src->dims;
    int64_t area = p->w.places[1] * p->w.places[2];
    shunt_value value;
    shunt_status status = onnx_shaped(node, 0, 4, (int64_t[]){dims[0], dims[1] * dims[2], dims[3], dims[4]}, &value);
    if (!status) status = pool(node, p, value, (int[]){1, 2}, &value);
    if (!status) status = onnx_reshape(node, value, 4, (int64_t[]){dims[0], dims[1], dims[2], area}, &value);
    return status ? status : pool(node, p, value, (int[]){0, -1}, dst);
}

/* MaxPool and AveragePool. */
shunt_status onnx_import_pool(onnx_node *node)
{
    const onnx_tensor src = onnx_input(node, 0)->tensor;
    pooling p = {.maximum = wire_is(node->op, "MaxPool")};
    int64_t count_padding = 0;
    shunt_value value, dst;
    if (src.rank < 3 || src.rank > 5)
        return error_fail(SHUNT_E_UNSUPPORTED, "its input has rank %u; Shunt knows 3, 4 and 5", src.rank);
    if (node->noutputs > 1 && node->outputs[1].size)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "it also outputs the indices of the maxima, which Shunt does not compute");
    p.w.directions = src.rank - 2u;
    memcpy(p.w.size, src.dims + 2, p.w.directions * sizeof *src.dims);
    shunt_status status = onnx_window_read(node, &p.w);
    if (!status) status = onnx_attribute_int(node, "count_include_pad", &count_padding);
    if (status) return status;
    p.count_padding = count_padding != 0;
    if (src.rank == 5) {
        status = pool_deep(node, &p, &src, &dst);
    } else {
        bool row = src.rank == 3;
        int64_t dims[4] = {src.dims[0], src.dims[1], row ? 1 : src.dims[2], src.dims[row ? 2 : 3]};
        status = onnx_shaped(node, 0, 4, dims, &value);
        if (!status) status = pool(node, &p, value, row ? (int[]){-1, 0} : (int[]){0, 1}, &dst);
    }
    if (status) return status;
    onnx_tensor result = src;
    memcpy(result.dims + 2, p.w.places, p.w.directions * sizeof *p.w.places);
    result.data = NULL;
    return onnx_result(node, 0, &result, dst);
}

shunt_status onnx_import_global_pool(onnx_node *node)
{
    onnx_tensor tensor = onnx_input(node, 0)->tensor;
    shunt_value src, dst;
    if (tensor.rank < 3) return error_fail(SHUNT_E_INVALID, "its input has rank %u, not 3 or more", tensor.rank);
    bool row = tensor.rank == 3;
    int64_t dims[4] = {tensor.dims[0], tensor.dims[1], row ? 1 : tensor.dims[2], row ? tensor.dims[2] : 1};
    for (uint32_t i = 3; i < tensor.rank; i++) dims[3] *= tensor.dims[i];
    shunt_status status = onnx_shaped(node, 0, 4, dims, &src);
    if (!status) status = onnx_append(node, SHUNT_OP_GLOBAL_POOL, 0, NULL, 1, &src, &dst);
    for (uint32_t i = 2; i < tensor.rank; i++) tensor.dims[i] = 1;
    tensor.data = NULL;
    return status ? status : onnx_result(node, 0, &tensor, dst);
}

/* ---- ReduceMean --------------------------------------------------------------------------------------------------- */

static shunt_status read_reduced(onnx_node *node, uint32_t rank, uint32_t *reduced)
{
    onnx_ints axes;
    int64_t none_is_none = 0;
    uint32_t axis;
    shunt_status status =
        node->in->opset < 18 ? onnx_attribute_ints(node, "axes", &axes) : onnx_input_ints(node, 1, "axes", &axes);
    if (!status && node->in->opset >= 18) status = onnx_attribute_int(node, "noop_with_empty_axes", &none_is_none);
    *reduced = axes.count || none_is_none ? 0 : (1u << rank) - 1;
    for (uint32_t i = 0; i < axes.count && !status; i++) {
        status = onnx_axis(axes.at[i], rank, &axis);
        if (!status) *reduced |= 1u << axis;
    }
    return status;
}

/* The axes to average are brought to the end; then it is a global pool of (first axis kept, the others, averaged, 1). */
static shunt_status mean(onnx_node *node, const onnx_tensor *src, uint32_t reduced, shunt_value *dst)
{
    uint32_t axes[ONNX_MAX_RANK], next = 0;
    int64_t dims[4] = {1, 1, 1, 1};
    shunt_value value;
    for (uint32_t i = 0; i < src->rank; i++)
        if (!(reduced >> i & 1)) {
            dims[next ? 1 : 0] *= src->dims[i];
            axes[next++] = i;
        }
    for (uint32_t i = 0; i < src->rank; i++)
        if (reduced >> i & 1) {
            dims[2] *= src->dims[i];
            axes[next++] = i;
        }
    if (src->rank == 4 && reduced == 0xc) dims[2] = src->dims[2], dims[3] = src->dims[3]; /* as it is */
    shunt_status status = onnx_as_is(node, 0, &value);
    if (!status) status = onnx_transpose(node, value, axes, &value);
    if (!status) status = onnx_reshape(node, value, 4, dims, &value);
    return status ? status : onnx_append(node, SHUNT_OP_GLOBAL_POOL, 0, NULL, 1, &value, dst);
}

shunt_status onnx_import_reduce_mean(onnx_node *node)
{
    const onnx_tensor src = onnx_input(node, 0)->tensor;
    onnx_tensor result = {.type = src.type};
    int64_t keep = 1;
    uint32_t reduced = 0;
    shunt_value dst;
    shunt_status status = read_reduced(node, src.rank, &reduced);
    if (!status) status = onnx_attribute_int(node, "keepdims", &keep);
    if (!status) status = reduced ? mean(node, &src, reduced, &dst) : onnx_as_is(node, 0, &dst);
    if (status) return status;
    for (uint32_t i = 0; i < src.rank; i++) {
        bool gone = reduced >> i & 1;
        if (!gone || keep) result.dims[result.rank++] = gone ? 1 : src.dims[i];
    }
    return onnx_result(node, 0, &result, dst);
}
