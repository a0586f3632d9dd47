/* conv_transpose.c - ConvTranspose, in 1 to 3 directions: the graph's transposed convolution has two. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/error.h"

typedef struct transposed {
    onnx_window w; /* places: of the result; after: what is cut there, below 0 what is added */
    int64_t N, C, K, groups;
} transposed;

/* What is cut off in front; the result's size says what is cut off behind. total: cut off of both. */
static int64_t cut_before(int64_t total, bool upper)
{
    if (total < 0) return 0;
    return upper ? total / 2 : total - total / 2;
}

/* The sizes of the result, from what the attributes give: them, or pads. */
static shunt_status find_places(const onnx_node *node, onnx_window *w)
{
    wire_bytes pad = {(const uint8_t *)"NOTSET", 6};
    onnx_ints extra, shape;
    shunt_status status = onnx_attribute_text(node, "auto_pad", &pad);
    if (!status) status = onnx_attribute_ints(node, "output_padding", &extra);
    if (!status) status = onnx_attribute_ints(node, "output_shape", &shape);
    if (status) return status;
    if ((extra.there && extra.count != w->directions) || (shape.there && shape.count != w->directions))
        return error_fail(SHUNT_E_INVALID, "its output_padding or output_shape is not of %u numbers", w->directions);
    const bool upper = wire_is(pad, "SAME_UPPER"), same = upper || wire_is(pad, "SAME_LOWER");
    const bool valid = wire_is(pad, "VALID");
    if (!same && !valid && pad.size && !wire_is(pad, "NOTSET"))
        return error_fail(SHUNT_E_INVALID, "its auto_pad is '%.*s'", pad.size < 40 ? (int)pad.size : 40,
                          (const char *)pad.data);
    for (uint32_t i = 0; i < w->directions; i++) {
        const int64_t whole = (w->size[i] - 1) * w->stride[i] + w->dilation[i] * (w->window[i] - 1) + 1;
        const int64_t more = extra.there ? extra.at[i] : 0;
        if (more < 0 || more > INT32_MAX || (shape.there && (shape.at[i] < 1 || shape.at[i] > INT32_MAX)))
            return error_fail(SHUNT_E_INVALID, "its output_padding or output_shape is out of range");
        if (valid) w->before[i] = w->after[i] = 0;
        w->places[i] = whole + more - w->before[i] - w->after[i];
        if (same) w->places[i] = w->size[i] * w->stride[i];
        if (shape.there) w->places[i] = shape.at[i];
        if (same || shape.there) w->before[i] = cut_before(whole + more - w->places[i], upper);
        w->after[i] = whole - w->before[i] - w->places[i];
        if (w->places[i] < 1) return error_fail(SHUNT_E_INVALID, "its padding leaves nothing of the result");
        if (-w->after[i] >= w->stride[i])
            return error_fail(SHUNT_E_UNSUPPORTED,
                              "it adds %" PRId64 " elements behind its result, not fewer than the stride",
                              -w->after[i]);
    }
    return SHUNT_OK;
}

static shunt_status read_transposed(onnx_node *node, transposed *t)
{
    enum { MOST_LENGTH = 1 << 30 }; /* so that no size overflows */
    const onnx_tensor *src = &onnx_input(node, 0)->tensor, *weights = &onnx_input(node, 1)->tensor;
    *t = (transposed){.groups = 1};
    if (src->rank < 3 || src->rank > 5 || weights->rank != src->rank)
        return error_fail(SHUNT_E_UNSUPPORTED, "its input and weights have ranks %u and %u; Shunt knows 3, 4 and 5",
                          src->rank, weights->rank);
    if (onnx_size(weights) == 0) return error_fail(SHUNT_E_INVALID, "its weights have no elements");
    t->w.directions = src->rank - 2u;
    for (uint32_t i = 0; i < t->w.directions; i++) {
        t->w.size[i] = src->dims[2 + i];
        t->w.window[i] = weights->dims[2 + i];
        if (t->w.size[i] > MOST_LENGTH || t->w.window[i] > MOST_LENGTH)
            return error_fail(SHUNT_E_UNSUPPORTED, "its input or its window is too large");
    }
    shunt_status status = onnx_window_lists(node, &t->w);
    if (!status) status = onnx_attribute_int(node, "group", &t->groups);
    if (status) return status;
    t->N = src->dims[0], t->C = src->dims[1];
    if (t->groups < 1 || t->groups > INT32_MAX || t->C % t->groups || weights->dims[0] != t->C ||
        __builtin_mul_overflow(weights->dims[1], t->groups, &t->K))
        return error_fail(SHUNT_E_INVALID,
                          "%" PRId64 " groups and weights for %" PRId64 " channels do not fit the input's %" PRId64,
                          t->groups, weights->dims[0], t->C);
    const onnx_value *bias = onnx_input(node, 2);
    if (bias && (bias->tensor.rank != 1 || bias->tensor.dims[0] != t->K))
        return error_fail(SHUNT_E_INVALID, "its bias is not a vector of %" PRId64, t->K);
    return find_places(node, &t->w);
}

/* The last two directions, or one and a height of 1. */
static shunt_conv_attr attr_of(const transposed *t)
{
    const onnx_window *w = &t->w;
    shunt_conv_attr a = {.stride = {1, 1}, .dilation = {1, 1}, .groups = (int32_t)t->groups};
    for (int k = 0; k < 2; k++) {
        const int i = (int)w->directions - 2 + k;
        if (i < 0) continue;
        a.stride[k] = (int32_t)w->stride[i];
        a.dilation[k] = (int32_t)w->dilation[i];
        a.pad_before[k] = (int32_t)w->before[i];
        a.pad_after[k] = (int32_t)w->after[i];
    }
    return a;
}

/* Three directions as two: the planes of the depth are channels, c * D + d of src and k * E + e of the result. Plane d goes to plane
 * e = d * stride + t * dilation - before with the weights of depth t:
 *     weights (C * D, K/groups * E, R, S) from (C, K/groups, T, R, S) */
static void spread(const transposed *t, const onnx_tensor *from, float *to)
{
    const onnx_window *w = &t->w;
    const int64_t D = w->size[0], E = w->places[0], T = w->window[0], KG = t->K / t->groups;
    const int64_t area = w->window[1] * w->window[2];
    for (int64_t i = 0; i < t->C * KG * D; i++) {
        const int64_t d = i % D, k = i / D % KG, c = i / (D * KG), missing = w->before[0] - d * w->stride[0];
        int64_t depth = missing > 0 ? (missing + w->dilation[0] - 1) / w->dilation[0] : 0;
        for (; depth < T; depth++) {
            const int64_t e = d * w->stride[0] + depth * w->dilation[0] - w->before[0];
            if (e >= E) break;
            float *dst = to + (((c * D + d) * KG + k) * E + e) * area;
            const int64_t src = ((c * KG + k) * T + depth) * area;
            for (int64_t a = 0; a < area; a++) dst[a] = (float)onnx_number(from, (uint64_t)(src + a));
        }
    }
}

static shunt_status deep_weights(onnx_node *node, const transposed *t, shunt_value *out)
{
    const onnx_value *w = onnx_input(node, 1);
    onnx_tensor wide = {.rank = 4, .dims = {t->C, t->K / t->groups, t->w.window[1], t->w.window[2]}};
    float *data;
    uint64_t count;
    if (__builtin_mul_overflow(wide.dims[0], t->w.size[0], &wide.dims[0]) ||
        __builtin_mul_overflow(wide.dims[1], t->w.places[0], &wide.dims[1]))
        return error_fail(SHUNT_E_INVALID, "its weights are too large");
    shunt_status status = onnx_count(&wide, &count);
    if (!status) status = onnx_parameter(node, w->name, 4, wide.dims, &data, out);
    if (status) return status;
    memset(data, 0, count * sizeof *data);
    spread(t, &w->tensor, data);
    return SHUNT_OK;
}

static shunt_status flat_weights(onnx_node *node, const transposed *t, shunt_value *out)
{
    const bool row = t->w.directions == 1;
    const int64_t dims[4] = {t->C, t->K / t->groups, row ? 1 : t->w.window[0], t->w.window[row ? 0 : 1]};
    return onnx_shaped(node, 1, 4, dims, out);
}

/* One number a channel, repeated over all else. */
static shunt_status add_bias(onnx_node *node, const transposed *t, uint32_t rank, shunt_value *value)
{
    int64_t dims[ONNX_MOST_DIRECTIONS + 2] = {1, t->K, 1, 1, 1};
    shunt_value bias;
    if (!onnx_input(node, 2)) return SHUNT_OK;
    shunt_status status = onnx_shaped(node, 2, rank, dims, &bias);
    return status ? status : onnx_add(node, *value, bias, value);
}

shunt_status onnx_import_conv_transpose(onnx_node *node)
{
    transposed t;
    shunt_value inputs[2], dst;
    shunt_status status = onnx_need_constant(node, 1, "weights");
    if (!status) status = read_transposed(node, &t);
    if (status) return status;
    const onnx_window *w = &t.w;
    const bool deep = w->directions == 3, row = w->directions == 1;
    const int64_t src[4] = {t.N, t.C * (deep ? w->size[0] : 1), row ? 1 : w->size[w->directions - 2],
                            w->size[w->directions - 1]};
    const shunt_op_attr attr = {.conv = attr_of(&t)};
    onnx_tensor result = {.type = onnx_input(node, 0)->tensor.type, .rank = (uint8_t)(w->directions + 2)};
    result.dims[0] = t.N;
    result.dims[1] = t.K;
    memcpy(result.dims + 2, w->places, w->directions * sizeof *w->places);
    status = deep ? deep_weights(node, &t, &inputs[0]) : flat_weights(node, &t, &inputs[0]);
    if (!status) status = onnx_shaped(node, 0, 4, src, &inputs[1]);
    if (!status) status = onnx_append(node, SHUNT_OP_CONV_GRAD_SRC, SHUNT_FLAG_TRANSPOSED, &attr, 2, inputs, &dst);
    if (!status && (deep || row)) status = onnx_reshape(node, dst, result.rank, result.dims, &dst);
    if (!status) status = add_bias(node, &t, result.rank, &dst);
    return status ? status : onnx_result(node, 0, &result, dst);
}
