/* size.c - the memory that a run of the imported graph takes. A file of a hundred bytes can ask for more than any machine has
 * (Expand, Pad, Concat, the padding of a convolution ...), so that it is counted before anything is allocated: parameters,
 * and the most that inputs and results take at once when each is dropped after its last reader. */
#include "runtime/onnx/importer.h"

#include <stdlib.h>

#include "runtime/base/error.h"

static const double GIB = 1 << 30;

/* The number of the op that reads each value last; what nobody reads goes after the op that makes it. */
static void find_last_readers(const shunt_graph *graph, uint32_t *last)
{
    for (uint32_t i = 0; i < graph->nops; i++) {
        const graph_op *op = &graph->ops[i];
        for (uint32_t k = 0; k < op->noutputs; k++) last[op->outputs[k]] = i;
        for (uint32_t k = 0; k < op->ninputs; k++) last[op->inputs[k]] = i;
    }
    for (uint32_t i = 0; i < graph->noutputs; i++) last[graph->outputs[i].value] = UINT32_MAX;
}

/* Where the most memory is taken, and how much. */
typedef struct peak {
    uint64_t bytes;
    const char *name;
} peak;

static peak find_peak(const shunt_graph *graph, const uint32_t *last, uint64_t lasting)
{
    uint64_t live = lasting;
    peak found = {live, "its inputs"};
    for (uint32_t i = 0; i < graph->nops; i++) {
        const graph_op *op = &graph->ops[i];
        for (uint32_t k = 0; k < op->noutputs; k++) live += shunt_tensor_bytes(&graph->values[op->outputs[k]].desc);
        if (live > found.bytes) found = (peak){live, op->name};
        for (uint32_t k = 0; k < op->noutputs; k++)
            if (last[op->outputs[k]] == i) live -= shunt_tensor_bytes(&graph->values[op->outputs[k]].desc);
        for (uint32_t k = 0; k < op->ninputs; k++) {
            const graph_value *value = &graph->values[op->inputs[k]];
            bool twice = false;
            for (uint32_t j = 0; j < k; j++) twice |= op->inputs[j] == op->inputs[k];
            if (value->source == VALUE_COMPUTED && last[op->inputs[k]] == i && !twice)
                live -= shunt_tensor_bytes(&value->desc);
        }
    }
    return found;
}

/* What a run may take: 4 GiB, 4 bytes for each of the file's, and of a picture whose size the user chose 64 times as much. */
static uint64_t allowed(const importer *in)
{
    uint64_t bytes = ((uint64_t)4 << 30) + 4 * in->memory.files;
    for (uint32_t i = 0; in->options.height && i < in->graph->ninputs; i++) {
        const shunt_tensor_desc *src = &in->graph->values[in->graph->inputs[i]].desc;
        bytes += 64 * (shunt_tensor_bytes(src) / (uint64_t)src->dims[0]);
    }
    return bytes;
}

shunt_status onnx_check_size(const importer *in)
{
    const shunt_graph *graph = in->graph;
    uint32_t *last = calloc(graph->nvalues + (size_t)1, sizeof *last), *uses = graph_count_uses(graph);
    uint64_t lasting = 0;
    for (uint32_t v = 0; last && uses && v < graph->nvalues; v++)
        if (graph->values[v].source != VALUE_COMPUTED && (uses[v] || graph->values[v].source == VALUE_INPUT))
            lasting += shunt_tensor_bytes(&graph->values[v].desc);
    bool enough = last && uses;
    peak most = {0};
    if (enough) {
        find_last_readers(graph, last);
        most = find_peak(graph, last, lasting);
    }
    free(last);
    free(uses);
    if (!enough) return error_memory();
    if (most.bytes <= allowed(in)) return SHUNT_OK;
    return error_fail(
        SHUNT_E_MEMORY,
        "at '%s' a run takes %.1f GiB, more than the %.1f GiB that a file of this size may take; export the "
        "network for smaller inputs or a smaller batch",
        most.name, (double)most.bytes / GIB, (double)allowed(in) / GIB);
}
