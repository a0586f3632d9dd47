/* Fuzz target: an ONNX file, both as a graph and as a file of weights. What is accepted is a graph that holds together. */
#include "tests/fuzz/fuzz.h"

#include "runtime/graph/graph.h"
#include "runtime/onnx/onnx.h"

enum { READ_AT_MOST = 1 << 20 }; /* runs of one value are gigabytes of addresses */

static void check_graph(const onnx_import *import)
{
    shunt_graph *graph = import->graph;
    shunt_tensor_desc inputs[64];
    fuzz_check(shunt_graph_check(graph) == SHUNT_OK, "a graph with a failure");
    for (uint32_t i = 0; i < graph->nvalues; i++) {
        const graph_value *value = &graph->values[i];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *view = shunt_weights_find(import->weights, value->name);
        fuzz_check(view && !memcmp(view->desc.dims, value->desc.dims, sizeof view->desc.dims),
                   "a parameter is missing");
        uint64_t bytes = shunt_tensor_bytes(&view->desc);
        fuzz_read_bytes(view->data, bytes < READ_AT_MOST ? bytes : READ_AT_MOST);
    }
    if (graph->ninputs > 64) return;
    for (uint32_t i = 0; i < graph->ninputs; i++) inputs[i] = graph->values[graph->inputs[i]].desc;
    fuzz_check(graph_reshape(graph, inputs, graph->ninputs) == SHUNT_OK, "its own shapes do not suit it");
}

int fuzz_input(const uint8_t *data, size_t size)
{
    onnx_import import;
    onnx_options options = {.classify = size % 2, .height = 8, .width = 8};
    if (!size) return -1;
    shunt_weights *weights = fuzz_weights_begin(data, size);
    if (onnx_import_weights("/nowhere/file", weights, &options, &import))
        fuzz_check_message();
    else
        check_graph(&import);
    weights->file = (file_mapping){0};
    onnx_close(&import);
    return fuzz_weights(data, size);
}
