/* skip.c - what a network can do without: blocks whose shortcut is the identity. Such a block adds the result of its last batch norm to
 * its own input. Where that norm's scale and shift are all zero, it computes exactly its input. */
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"

#include <stdlib.h>

static const graph_op *maker(const shunt_graph *graph, shunt_value value)
{
    const int32_t producer = graph->values[value].producer;
    return producer < 0 ? NULL : &graph->ops[producer];
}

static bool is_parameter(const shunt_graph *graph, shunt_value value)
{
    return graph->values[value].source == VALUE_PARAMETER;
}

/* The batch norm that ends a branch; behind it there may be a gate for each channel. NULL: there is none. */
static const graph_op *last_norm(const shunt_graph *graph, shunt_value branch)
{
    const graph_op *op = maker(graph, branch);
    if (op && op->kind == SHUNT_OP_MUL) op = maker(graph, op->inputs[0]);
    if (!op || op->kind != SHUNT_OP_BATCH_NORM) return NULL;
    return is_parameter(graph, op->inputs[1]) && is_parameter(graph, op->inputs[2]) ? op : NULL;
}

/* Whether op `end` has an input that was made of `value`, directly or not, along `branch`. marks: a false for each value; left so. */
static bool comes_from(const shunt_graph *graph, shunt_value branch, shunt_value value, uint32_t end, bool *marks)
{
    const uint32_t begin = (uint32_t)(graph->values[value].producer + 1);
    marks[value] = true;
    for (uint32_t i = begin; i < end; i++)
        for (uint32_t k = 0; k < graph->ops[i].ninputs; k++)
            for (uint32_t o = 0; marks[graph->ops[i].inputs[k]] && o < graph->ops[i].noutputs; o++)
                marks[graph->ops[i].outputs[o]] = true;
    const bool found = marks[branch];
    marks[value] = false;
    for (uint32_t i = begin; i < end; i++)
        for (uint32_t o = 0; o < graph->ops[i].noutputs; o++) marks[graph->ops[i].outputs[o]] = false;
    return found;
}

/* The norm of the branch, if op `index` adds a branch to what the branch began with; else NULL. */
static const graph_op *find_branch(const shunt_graph *graph, uint32_t index, bool *marks)
{
    const graph_op *add = &graph->ops[index];
    for (uint32_t i = 0; add->kind == SHUNT_OP_ADD && i < 2; i++) {
        const graph_op *norm = last_norm(graph, add->inputs[i]);
        if (norm && comes_from(graph, add->inputs[i], add->inputs[1 - i], index, marks)) return norm;
    }
    return NULL;
}

shunt_status graph_find_skippable(const shunt_graph *graph, graph_branch **out, size_t *count)
{
    bool *marks = calloc(graph->nvalues + (size_t)1, sizeof *marks);
    graph_branch *list = calloc(graph->nops + (size_t)1, sizeof *list);
    *out = NULL;
    *count = 0;
    if (!marks || !list) {
        free(marks);
        free(list);
        return error_memory();
    }
    for (uint32_t i = 0; i < graph->nops; i++) {
        const graph_op *norm = find_branch(graph, i, marks);
        if (norm) list[(*count)++] = (graph_branch){norm->inputs[1], norm->inputs[2]};
    }
    free(marks);
    *out = list;
    return SHUNT_OK;
}
