/* gates.c - activations that are compositions of ops: HardSigmoid, HardSwish, Swish. */
#include "runtime/onnx/importer.h"

#include "runtime/base/error.h"

/* min(max(alpha * input 0 + beta, 0), 1) */
static shunt_status hard_sigmoid(onnx_node *node, float alpha, float beta, shunt_value *out)
{
    const shunt_op_attr unit = {.clip = {.low = 0, .high = 1}};
    shunt_status status = onnx_scaled(node, 0, alpha, beta, out);
    return status ? status : onnx_append(node, SHUNT_OP_CLIP, 0, &unit, 1, out, out);
}

/* Input 0 times a gate that was made of it is the node's result. */
static shunt_status finish(onnx_node *node, shunt_value gate)
{
    const onnx_tensor tensor = onnx_input(node, 0)->tensor;
    shunt_value x;
    shunt_status status = onnx_as_is(node, 0, &x);
    if (!status) status = onnx_multiply(node, x, gate, &x);
    return status ? status : onnx_result(node, 0, &tensor, x);
}

shunt_status onnx_import_hard_sigmoid(onnx_node *node)
{
    const onnx_tensor tensor = onnx_input(node, 0)->tensor;
    float alpha = 0.2f, beta = 0.5f;
    shunt_value dst;
    shunt_status status = onnx_attribute_float(node, "alpha", &alpha);
    if (!status) status = onnx_attribute_float(node, "beta", &beta);
    if (!status) status = hard_sigmoid(node, alpha, beta, &dst);
    return status ? status : onnx_result(node, 0, &tensor, dst);
}

shunt_status onnx_import_hard_swish(onnx_node *node)
{
    shunt_value gate;
    shunt_status status = hard_sigmoid(node, 1.0f / 6, 0.5f, &gate);
    return status ? status : finish(node, gate);
}

/* x * sigmoid(alpha * x) */
shunt_status onnx_import_swish(onnx_node *node)
{
    float alpha = 1;
    shunt_value gate;
    shunt_status status = onnx_attribute_float(node, "alpha", &alpha);
    if (!status) status = alpha == 1 ? onnx_as_is(node, 0, &gate) : onnx_scaled(node, 0, alpha, 0, &gate);
    if (!status) status = onnx_append(node, SHUNT_OP_SIGMOID, 0, NULL, 1, &gate, &gate);
    return status ? status : finish(node, gate);
}
