/* sizes.c - sizes that a graph leaves open until its inputs' shapes are known. */
#include "runtime/graph/graph.h"
#include "runtime/graph/ops/ops.h"

void graph_settle_sizes(shunt_graph *graph)
{
    for (uint32_t i = 0; i < graph->nops; i++) {
        graph_op *op = &graph->ops[i];
        const op_kind *kind = op_kind_of(op->kind);
        if (kind->settle) kind->settle(op, &graph->values[op->outputs[0]].desc);
    }
}
