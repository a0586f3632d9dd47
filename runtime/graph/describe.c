/* describe.c - an op's name and cost, for reports and to decide which ops are too small to be moved to a device. */
#include "runtime/graph/graph.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/ops.h"

#include <stdio.h>

const char *op_kind_name(uint32_t kind)
{
    const op_kind *row = op_kind_of(kind);
    return row ? row->name : NULL;
}

const char *op_label(uint32_t kind, uint32_t flags, char *text, size_t size)
{
    const char *name = op_kind_name(kind);
    snprintf(text, size, "%s%s%s%s%s%s%s%s", name ? name : "unknown", flags & SHUNT_FLAG_BIAS ? "+bias" : "",
             flags & SHUNT_FLAG_RESIDUAL ? "+add" : "", flags & SHUNT_FLAG_RELU ? "+relu" : "",
             flags & SHUNT_FLAG_NESTEROV ? "+nesterov" : "", flags & SHUNT_FLAG_SCALE ? "+scale" : "",
             flags & SHUNT_FLAG_SKIP ? "+skip" : "", flags & SHUNT_FLAG_LARS ? "+lars" : "");
    return text;
}

static uint64_t count_macs(const shunt_op_desc *desc)
{
    const op_kind *kind = op_kind_of(desc->kind);
    return kind && kind->macs ? kind->macs(desc) : 0;
}

uint64_t op_flops(const shunt_op_desc *desc)
{
    const op_kind *kind = op_kind_of(desc->kind);
    return kind && kind->flops ? kind->flops(desc) : count_times(2, count_macs(desc));
}

uint64_t op_bytes(const shunt_op_desc *desc)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < desc->ninputs; i++) bytes += shunt_tensor_bytes(&desc->inputs[i]);
    for (uint32_t i = 0; i < desc->noutputs; i++) bytes += shunt_tensor_bytes(&desc->outputs[i]);
    return bytes;
}

shunt_graph_cost shunt_graph_count(const shunt_graph *graph)
{
    shunt_graph_cost cost = {0};
    if (!graph) return cost;
    for (uint32_t i = 0; i < graph->nvalues; i++) {
        const graph_value *value = &graph->values[i];
        if (value->source == VALUE_PARAMETER && value->role <= SHUNT_ROLE_SHIFT)
            cost.parameters += shunt_tensor_count(&value->desc);
    }
    for (uint32_t i = 0; i < graph->nops; i++) {
        shunt_op_desc desc;
        graph_op_desc(graph, &graph->ops[i], &desc);
        cost.macs += count_macs(&desc);
    }
    return cost;
}
