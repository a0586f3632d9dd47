/* lrn.c - LRN: local response normalisation. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>

#include "runtime/base/error.h"

shunt_status onnx_import_lrn(onnx_node *node)
{
    const onnx_tensor tensor = onnx_input(node, 0)->tensor;
    shunt_op_attr attr = {.lrn = {.alpha = 1e-4f, .beta = 0.75f, .bias = 1}};
    shunt_value src, dst;
    int64_t size = 0;
    shunt_status status = onnx_attribute_int(node, "size", &size);
    if (!status) status = onnx_attribute_float(node, "alpha", &attr.lrn.alpha);
    if (!status) status = onnx_attribute_float(node, "beta", &attr.lrn.beta);
    if (!status) status = onnx_attribute_float(node, "bias", &attr.lrn.bias);
    if (status) return status;
    if (size < 1 || size > INT32_MAX)
        return error_fail(SHUNT_E_INVALID, "its size is %" PRId64 ", not a number of channels", size);
    attr.lrn.size = (int32_t)size;
    status = onnx_as_is(node, 0, &src);
    if (!status) status = onnx_append(node, SHUNT_OP_LRN, 0, &attr, 1, &src, &dst);
    return status ? status : onnx_result(node, 0, &tensor, dst);
}
