/* expand.c - Expand: a tensor repeated along axes of one element, and along new ones in front. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>

#include "runtime/base/error.h"

shunt_status onnx_expanded(const onnx_node *node, onnx_tensor *out)
{
    onnx_ints shape;
    shunt_status status = onnx_input_ints(node, 1, "shape", &shape);
    if (status) return status;
    onnx_tensor wanted = {.rank = (uint8_t)shape.count};
    if (shape.count > ONNX_MAX_RANK)
        return error_fail(SHUNT_E_UNSUPPORTED, "its shape has %u axes; Shunt knows %d", shape.count, ONNX_MAX_RANK);
    for (uint32_t i = 0; i < shape.count; i++) {
        if (shape.at[i] < 0) return error_fail(SHUNT_E_INVALID, "its shape has an axis of %" PRId64, shape.at[i]);
        wanted.dims[i] = shape.at[i];
    }
    uint64_t count;
    *out = onnx_input(node, 0)->tensor;
    status = onnx_broadcast(out, &wanted, out);
    return status ? status : onnx_count(out, &count);
}

/* Zeros are added that broadcast, negative ones: with them every number stays what it is, -0 too. */
shunt_status onnx_expand(onnx_node *node, shunt_value value, uint32_t rank, const int64_t *dims, shunt_value *out)
{
    const shunt_tensor_desc desc = onnx_desc(node, value);
    int64_t grown[SHUNT_MAX_RANK];
    bool grows = false;
    *out = value;
    if (rank > SHUNT_MAX_RANK)
        return error_fail(SHUNT_E_UNSUPPORTED, "its result has rank %u; Shunt has %d at most", rank, SHUNT_MAX_RANK);
    for (uint32_t i = 0; i < rank; i++) {
        const uint32_t missing = rank - desc.rank;
        grown[i] = i < missing || desc.dims[i - missing] == 1 ? dims[i] : 1;
        grows |= grown[i] > 1;
    }
    if (!grows) return SHUNT_OK;
    shunt_value zeros;
    shunt_status status = onnx_parameter_run(node, "zeros", rank, grown, -0.0f, &zeros);
    return status ? status : onnx_add(node, value, zeros, out);
}

shunt_status onnx_import_expand(onnx_node *node)
{
    onnx_tensor tensor;
    shunt_value value;
    shunt_status status = onnx_expanded(node, &tensor);
    if (!status && !onnx_size(&tensor)) status = error_fail(SHUNT_E_UNSUPPORTED, "its result has no elements");
    if (!status) status = onnx_as_is(node, 0, &value);
    if (!status) status = onnx_expand(node, value, tensor.rank, tensor.dims, &value);
    tensor.data = NULL;
    return status ? status : onnx_result(node, 0, &tensor, value);
}
