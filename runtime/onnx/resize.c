/* resize.c - Resize and Upsample: heights and widths of pictures, by sizes or scales that are constant. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "runtime/base/error.h"

typedef struct named {
    const char *name;
    int32_t value;
} named;

static const named modes[] = {{"nearest", SHUNT_RESIZE_NEAREST}, {"linear", SHUNT_RESIZE_BILINEAR}};
static const named places[] = {{"half_pixel", SHUNT_RESIZE_HALF_PIXEL},
                               {"pytorch_half_pixel", SHUNT_RESIZE_HALF_PIXEL},
                               {"align_corners", SHUNT_RESIZE_CORNERS},
                               {"asymmetric", SHUNT_RESIZE_ASYMMETRIC}};
static const named roundings[] = {{"round_prefer_floor", SHUNT_RESIZE_HALF_DOWN},
                                  {"round_prefer_ceil", SHUNT_RESIZE_HALF_UP},
                                  {"floor", SHUNT_RESIZE_FLOOR},
                                  {"ceil", SHUNT_RESIZE_CEIL}};
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* The number that the attribute's text stands for; *text is the default's. */
static shunt_status read_named(const onnx_node *node, const char *attribute, const named *list, size_t count,
                               const char *otherwise, wire_bytes *text, int32_t *out)
{
    *text = (wire_bytes){(const uint8_t *)otherwise, strlen(otherwise)};
    shunt_status status = onnx_attribute_text(node, attribute, text);
    for (size_t i = 0; !status && i < count; i++)
        if (wire_is(*text, list[i].name)) {
            *out = list[i].value;
            return SHUNT_OK;
        }
    if (status) return status;
    return error_fail(SHUNT_E_UNSUPPORTED, "its %s is '%.*s', which Shunt does not have", attribute,
                      text->size < 40 ? (int)text->size : 40, (const char *)text->data);
}

static shunt_status refuse_others(const onnx_node *node)
{
    int64_t antialias = 0;
    wire_bytes policy = {(const uint8_t *)"stretch", 7};
    shunt_status status = onnx_attribute_int(node, "antialias", &antialias);
    if (!status) status = onnx_attribute_text(node, "keep_aspect_ratio_policy", &policy);
    if (status) return status;
    if (antialias)
        return error_fail(SHUNT_E_UNSUPPORTED, "it is antialiased in the way of ONNX, which Shunt does not have");
    if (!wire_is(policy, "stretch"))
        return error_fail(SHUNT_E_UNSUPPORTED, "its keep_aspect_ratio_policy is not 'stretch'");
    return SHUNT_OK;
}

/* Before opset 11 there was one way. */
static shunt_status read_attributes(const onnx_node *node, shunt_resize_attr *out, wire_bytes *place)
{
    wire_bytes text;
    const bool old = node->in->opset < 11;
    *place = (wire_bytes){0};
    out->coordinates = SHUNT_RESIZE_ASYMMETRIC;
    out->rounding = SHUNT_RESIZE_FLOOR;
    shunt_status status = read_named(node, "mode", modes, COUNT(modes), "nearest", &text, &out->filter);
    if (!status && !old)
        status = read_named(node, "coordinate_transformation_mode", places, COUNT(places), "half_pixel", place,
                            &out->coordinates);
    if (!status && !old && out->filter == SHUNT_RESIZE_NEAREST)
        status =
            read_named(node, "nearest_mode", roundings, COUNT(roundings), "round_prefer_floor", &text, &out->rounding);
    return status ? status : refuse_others(node);
}

/* ---- Sizes --------------------------------------------------------------------------------------------------------- */

/* What is asked of each axis: a scale, or a size where sizes are given. */
typedef struct wish {
    bool sizes;
    uint32_t count;
    double at[ONNX_MAX_RANK];
} wish;

static shunt_status take_wish(const onnx_tensor *tensor, const char *what, wish *out)
{
    if (tensor->rank != 1 || onnx_size(tensor) > ONNX_MAX_RANK)
        return error_fail(SHUNT_E_INVALID, "its %s are not a list of at most %d numbers", what, ONNX_MAX_RANK);
    out->count = (uint32_t)onnx_size(tensor);
    for (uint32_t i = 0; i < out->count; i++) out->at[i] = onnx_number(tensor, i);
    return SHUNT_OK;
}

static shunt_status take_input(const onnx_node *node, uint32_t index, const char *what, wish *out)
{
    const onnx_value *value;
    shunt_status status = onnx_constant_input(node, index, what, &value);
    return status || !value ? status : take_wish(&value->tensor, what, out);
}

static shunt_status read_wish(onnx_node *node, wish *out)
{
    enum { SCALES = 2, SIZES = 3 }; /* inputs since opset 11, which put roi before them */
    onnx_tensor list = {.type = ONNX_FLOAT, .rank = 1};
    bool there;
    *out = (wish){0};
    if (node->in->opset >= 11) {
        shunt_status status = take_input(node, SCALES, "scales", out);
        if (status || out->count) return status;
        out->sizes = true;
        return take_input(node, SIZES, "sizes", out);
    }
    if (node->ninputs > 1) return take_input(node, 1, "scales", out);
    shunt_status status = onnx_attribute_list(node, "scales", &list, &there);
    return status || !there ? status : take_wish(&list, "scales", out);
}

/* The wishes of all axes, in their order; those that are not named keep their size. */
static shunt_status spread_wish(const onnx_node *node, const onnx_tensor *src, wish *w)
{
    onnx_ints axes;
    const wish given = *w;
    shunt_status status = onnx_attribute_ints(node, "axes", &axes);
    if (status) return status;
    if (w->count != (axes.there ? axes.count : src->rank))
        return error_fail(SHUNT_E_INVALID, "it has %u sizes for %u axes", w->count,
                          axes.there ? axes.count : (uint32_t)src->rank);
    if (!axes.there) return SHUNT_OK;
    for (uint32_t i = 0; i < src->rank; i++) w->at[i] = w->sizes ? (double)src->dims[i] : 1;
    for (uint32_t i = 0; i < axes.count; i++) {
        uint32_t axis;
        if ((status = onnx_axis(axes.at[i], src->rank, &axis))) return status;
        w->at[axis] = given.at[i];
    }
    return SHUNT_OK;
}

/* One axis of the result; direction -1: it must keep its size. */
static shunt_status set_axis(const wish *w, uint32_t axis, int direction, int64_t *size, shunt_resize_attr *attr)
{
    const double wanted = w->at[axis], made = w->sizes ? wanted : floor((double)*size * (double)(float)wanted);
    if (!(wanted > 0) || !(made >= 1) || made > INT32_MAX / 2)
        return error_fail(SHUNT_E_INVALID, "axis %u of %" PRId64 " elements cannot be resized by %g", axis, *size,
                          wanted);
    if (direction < 0 && made != (double)*size)
        return error_fail(SHUNT_E_UNSUPPORTED, "it resizes axis %u; Shunt resizes heights and widths", axis);
    if (direction >= 0 && attr->coordinates == SHUNT_RESIZE_CORNERS && !w->sizes && made != (double)*size * wanted)
        return error_fail(SHUNT_E_UNSUPPORTED, "its scale %g with align_corners makes no whole size of %" PRId64,
                          wanted, *size);
    if (direction >= 0 && w->sizes) attr->size[direction] = (int32_t)made;
    if (direction >= 0 && !w->sizes) attr->factor[direction] = (float)wanted;
    *size = (int64_t)made;
    return SHUNT_OK;
}

/* Of pytorch_half_pixel a result of one element is src's first: so it is of half pixels where both have one size. */
static void take_first(shunt_resize_attr *attr, int direction)
{
    attr->size[direction] = 1;
    attr->factor[direction] = 1;
}

shunt_status onnx_import_resize(onnx_node *node)
{
    onnx_tensor tensor = onnx_input(node, 0)->tensor;
    const uint32_t directions = tensor.rank - 2u;
    shunt_op_attr attr = {.resize = {.size = {0, 0}}};
    shunt_value src, dst;
    wire_bytes place;
    wish w;
    if (tensor.rank != 3 && tensor.rank != 4)
        return error_fail(SHUNT_E_UNSUPPORTED, "its input has rank %u; Shunt knows 3 and 4", tensor.rank);
    const int64_t dims[] = {tensor.dims[0], tensor.dims[1], directions == 2 ? tensor.dims[2] : 1,
                            tensor.dims[directions + 1]};
    shunt_status status = read_attributes(node, &attr.resize, &place);
    if (!status) status = read_wish(node, &w);
    if (!status) status = spread_wish(node, &tensor, &w);
    if (directions == 1) attr.resize.size[0] = 1;
    for (uint32_t i = 0; !status && i < tensor.rank; i++) {
        const int direction = i < 2 ? -1 : (int)(i - directions);
        const bool shrinks = tensor.dims[i] > 1;
        status = set_axis(&w, i, direction, &tensor.dims[i], &attr.resize);
        if (shrinks && tensor.dims[i] == 1 && direction >= 0 && wire_is(place, "pytorch_half_pixel"))
            take_first(&attr.resize, direction);
    }
    if (!status) status = onnx_shaped(node, 0, 4, dims, &src);
    if (!status) status = onnx_append(node, SHUNT_OP_RESIZE, 0, &attr, 1, &src, &dst);
    return status ? status : onnx_result(node, 0, &tensor, dst);
}
