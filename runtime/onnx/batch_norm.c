/* batch_norm.c - BatchNormalization: with the statistics that it is given, or, in training mode, the batch's own. */
#include "runtime/onnx/importer.h"

#include "runtime/base/error.h"

enum { SRC, SCALE, SHIFT, MEAN, VARIANCE };

static shunt_status read_mode(const onnx_node *node, bool *trains)
{
    const int64_t opset = node->in->opset;
    int64_t training = 0, spatial = 1, is_test = 1;
    shunt_status status = SHUNT_OK;
    if (opset >= 14) status = onnx_attribute_int(node, "training_mode", &training);
    if (!status && opset < 9) status = onnx_attribute_int(node, "spatial", &spatial);
    if (!status && opset < 7) status = onnx_attribute_int(node, "is_test", &is_test);
    if (status) return status;
    *trains = training;
    bool old = !is_test || (opset >= 7 && opset < 14 && node->noutputs > 1 && node->outputs[1].size);
    if (old || (training && node->in->options.classify))
        return error_fail(SHUNT_E_UNSUPPORTED, "it is in training mode; export the network in evaluation mode");
    if (!spatial) return error_fail(SHUNT_E_UNSUPPORTED, "it normalises each pixel separately (spatial = 0)");
    return SHUNT_OK;
}

/* The batch's statistics instead of the running ones. */
static shunt_status take_statistics(onnx_node *node, shunt_value inputs[5])
{
    const shunt_graph *graph = node->in->graph;
    shunt_status status = onnx_append(node, SHUNT_OP_BATCH_STATISTICS, 0, NULL, 1, inputs, &inputs[MEAN]);
    if (!status) inputs[VARIANCE] = graph->ops[graph->values[inputs[MEAN]].producer].outputs[1];
    return status;
}

/* Output `index`: running + (1 - momentum) * (sample - running), as the batch norm of a picture of one pixel. */
static shunt_status move_average(onnx_node *node, uint32_t index, shunt_value running, shunt_value sample,
                                 int64_t channels)
{
    const onnx_tensor tensor = {.type = onnx_input(node, MEAN)->tensor.type, .rank = 1, .dims = {channels}};
    const int64_t pixel[] = {1, channels};
    float momentum = 0.9f;
    shunt_value inputs[5] = {[SHIFT] = running, [MEAN] = running}, dst;
    if (index >= node->noutputs || !node->outputs[index].size) return SHUNT_OK;
    shunt_status status = onnx_attribute_float(node, "momentum", &momentum);
    if (!status) status = onnx_reshape(node, sample, 2, pixel, &inputs[SRC]);
    if (!status) status = onnx_parameter_run(node, "rate", 1, &channels, 1 - momentum, &inputs[SCALE]);
    if (!status) status = onnx_parameter_run(node, "one", 1, &channels, 1, &inputs[VARIANCE]);
    if (!status) status = onnx_append(node, SHUNT_OP_BATCH_NORM, 0, NULL, 5, inputs, &dst);
    return status ? status : onnx_result(node, index, &tensor, dst);
}

shunt_status onnx_import_batch_norm(onnx_node *node)
{
    const onnx_tensor tensor = onnx_input(node, 0)->tensor;
    const int64_t channels = tensor.dims[1];
    shunt_op_attr attr = {.batch_norm = {.epsilon = 1e-5f}};
    shunt_value inputs[5], running[5], dst;
    bool trains = false;
    if (tensor.rank < 2) return error_fail(SHUNT_E_INVALID, "its input has rank %u, not 2 or more", tensor.rank);
    shunt_status status = onnx_attribute_float(node, "epsilon", &attr.batch_norm.epsilon);
    if (!status) status = read_mode(node, &trains);
    for (uint32_t i = 0; i < 5 && !status; i++) {
        status = i ? onnx_shaped(node, i, 1, &channels, &inputs[i]) : onnx_as_is(node, 0, &inputs[0]);
        if (!status) running[i] = inputs[i];
    }
    if (!status && trains) status = take_statistics(node, inputs);
    if (!status) status = onnx_append(node, SHUNT_OP_BATCH_NORM, 0, &attr, 5, inputs, &dst);
    if (!status) status = onnx_result(node, 0, &tensor, dst);
    for (uint32_t i = 1; i <= 2 && trains && !status; i++)
        status = move_average(node, i, running[MEAN + i - 1], inputs[MEAN + i - 1], channels);
    return status;
}
