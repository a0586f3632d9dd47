/* roi_align.c - RoiAlign: boxes and the numbers of their pictures come apart, and go into one matrix. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>

#include "runtime/base/error.h"

static shunt_status read_texts(const onnx_node *node, shunt_roi_align_attr *a)
{
    wire_bytes mode = {(const uint8_t *)"avg", 3}, place = {(const uint8_t *)"half_pixel", 10};
    shunt_status status = onnx_attribute_text(node, "mode", &mode);
    if (!status) status = onnx_attribute_text(node, "coordinate_transformation_mode", &place);
    if (status) return status;
    if (!wire_is(mode, "avg") && !wire_is(mode, "max"))
        return error_fail(SHUNT_E_UNSUPPORTED, "its mode is '%.*s', not avg or max",
                          mode.size < 40 ? (int)mode.size : 40, (const char *)mode.data);
    if (!wire_is(place, "half_pixel") && !wire_is(place, "output_half_pixel"))
        return error_fail(SHUNT_E_UNSUPPORTED, "its coordinate_transformation_mode is '%.*s'",
                          place.size < 40 ? (int)place.size : 40, (const char *)place.data);
    a->mode = wire_is(mode, "max") ? SHUNT_ROI_MAXIMUM : SHUNT_ROI_MEAN;
    a->aligned = node->in->opset >= 16 && wire_is(place, "half_pixel"); /* before that there was one way */
    return SHUNT_OK;
}

static shunt_status read_attributes(const onnx_node *node, shunt_roi_align_attr *a)
{
    int64_t size[] = {1, 1}, sampling = 0;
    a->scale = 1;
    shunt_status status = onnx_attribute_int(node, "output_height", &size[0]);
    if (!status) status = onnx_attribute_int(node, "output_width", &size[1]);
    if (!status) status = onnx_attribute_int(node, "sampling_ratio", &sampling);
    if (!status) status = onnx_attribute_float(node, "spatial_scale", &a->scale);
    if (status) return status;
    if (size[0] < 1 || size[0] > INT32_MAX || size[1] < 1 || size[1] > INT32_MAX || sampling < 0 ||
        sampling > INT32_MAX)
        return error_fail(SHUNT_E_INVALID, "its output is %" PRId64 " x %" PRId64 ", its sampling_ratio %" PRId64,
                          size[0], size[1], sampling);
    a->size[0] = (int32_t)size[0], a->size[1] = (int32_t)size[1];
    a->sampling = (int32_t)sampling;
    return read_texts(node, a);
}

shunt_status onnx_import_roi_align(onnx_node *node)
{
    const onnx_tensor src = onnx_input(node, 0)->tensor, boxes = onnx_input(node, 1)->tensor;
    const int64_t R = boxes.dims[0];
    shunt_op_attr attr = {.roi_align = {.sampling = 0}};
    shunt_value inputs[2], parts[2], dst;
    if (src.rank != 4 || boxes.rank != 2 || boxes.dims[1] != 4)
        return error_fail(SHUNT_E_INVALID, "its input has rank %u, or its boxes are not rows of 4", src.rank);
    shunt_status status = read_attributes(node, &attr.roi_align);
    if (!status) status = onnx_as_is(node, 0, &inputs[0]);
    if (!status) status = onnx_shaped(node, 2, 2, (int64_t[]){R, 1}, &parts[0]);
    if (!status) status = onnx_as_is(node, 1, &parts[1]);
    const shunt_op_attr columns = {.concat = {.axis = 1}};
    if (!status) status = onnx_append(node, SHUNT_OP_CONCAT, 0, &columns, 2, parts, &inputs[1]);
    if (!status) status = onnx_append(node, SHUNT_OP_ROI_ALIGN, 0, &attr, 2, inputs, &dst);
    const onnx_tensor result = {
        .type = src.type, .rank = 4, .dims = {R, src.dims[1], attr.roi_align.size[0], attr.roi_align.size[1]}};
    return status ? status : onnx_result(node, 0, &result, dst);
}
