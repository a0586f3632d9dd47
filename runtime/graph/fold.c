/* fold.c - takes batch norms out of the graph: behind a convolution with no other reader, scale and shift can be
 * multiplied into its weights and bias once, before any run. The arithmetic is done by whoever has the weights; this
 * pass records it in graph->folds. */
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_constant(const shunt_graph *graph, shunt_value value)
{
    return graph->values[value].source == VALUE_PARAMETER && !graph->values[value].state;
}

/* The convolution that the batch norm can be folded into, or NULL. */
static graph_op *foldable(shunt_graph *graph, const graph_op *norm, const uint32_t *uses)
{
    const graph_value *src = &graph->values[norm->inputs[0]];
    if (norm->kind != SHUNT_OP_BATCH_NORM || src->producer < 0 || uses[norm->inputs[0]] != 1) return NULL;
    if (norm->flags & SHUNT_FLAG_RESIDUAL) return NULL; /* fused before it was folded: a graph that trains */
    if (src->desc.dtype != SHUNT_F32) return NULL;      /* folds are computed in that type */
    graph_op *conv = &graph->ops[src->producer];
    if (conv->when != norm->when) return NULL;
    if (conv->kind != SHUNT_OP_CONV || conv->flags & (SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU)) return NULL;
    for (uint32_t i = 1; i < conv->ninputs; i++)
        if (!is_constant(graph, conv->inputs[i])) return NULL;
    for (uint32_t i = 1; i < norm->ninputs; i++)
        if (!is_constant(graph, norm->inputs[i])) return NULL;
    return conv;
}

static shunt_value folded_value(shunt_graph *graph, const char *op, const char *field, const shunt_tensor_desc *desc)
{
    char *name;
    if (asprintf(&name, "%s.%s (folded)", op, field) < 0) return SHUNT_NO_VALUE;
    shunt_tensor_desc copy = *desc; /* the array that it lies in may move */
    shunt_value value = graph_new_value(graph, name, &copy, VALUE_FOLDED);
    free(name);
    if (value != SHUNT_NO_VALUE) graph->values[value].fold = (int32_t)graph->nfolds;
    return value;
}

/* Whether both are made of the same parameters: of a convolution that stands in the graph several times. */
static bool same_fold(const graph_fold *a, const graph_fold *b)
{
    return a->weights == b->weights && a->bias == b->bias && a->scale == b->scale && a->shift == b->shift &&
           a->mean == b->mean && a->variance == b->variance && memcmp(&a->epsilon, &b->epsilon, sizeof a->epsilon) == 0;
}

/* Fills the values that the fold makes. False without memory. */
static bool add_fold(shunt_graph *graph, const char *name, graph_fold *entry)
{
    for (uint32_t i = 0; i < graph->nfolds; i++) {
        if (!same_fold(&graph->folds[i], entry)) continue;
        *entry = graph->folds[i];
        return true;
    }
    if (!graph_room(&graph->folds, &graph->folds_room, graph->nfolds, sizeof *graph->folds)) return false;
    entry->folded_weights = folded_value(graph, name, "weight", &graph->values[entry->weights].desc);
    entry->folded_bias = folded_value(graph, name, "bias", &graph->values[entry->shift].desc);
    if (entry->folded_weights == SHUNT_NO_VALUE || entry->folded_bias == SHUNT_NO_VALUE) return false;
    graph->folds[graph->nfolds++] = *entry;
    return true;
}

/* Changes the graph only once all memory is there. */
static bool fold(shunt_graph *graph, graph_op *conv, graph_op *norm)
{
    bool had_bias = conv->flags & SHUNT_FLAG_BIAS;
    const shunt_value *n = norm->inputs;
    graph_fold entry = {.weights = conv->inputs[1],
                        .bias = had_bias ? conv->inputs[2] : SHUNT_NO_VALUE,
                        .scale = n[1],
                        .shift = n[2],
                        .mean = n[3],
                        .variance = n[4],
                        .epsilon = norm->attr.batch_norm.epsilon};
    if (!add_fold(graph, conv->name, &entry)) return false;

    conv->inputs[1] = entry.folded_weights;
    conv->inputs[2] = entry.folded_bias;
    conv->ninputs = 3;
    conv->flags |= SHUNT_FLAG_BIAS | (norm->flags & SHUNT_FLAG_RELU);
    conv->outputs[0] = norm->outputs[0];
    graph->values[conv->outputs[0]].producer = (int32_t)(conv - graph->ops);
    norm->kind = 0;
    return true;
}

shunt_status graph_fold_batch_norms(shunt_graph *graph)
{
    uint32_t *uses = graph_count_uses(graph);
    bool enough = uses != NULL;
    for (uint32_t i = 0; enough && i < graph->nops; i++) {
        graph_op *conv = foldable(graph, &graph->ops[i], uses);
        if (conv) enough = fold(graph, conv, &graph->ops[i]);
    }
    free(uses);
    graph_compact(graph);
    return enough ? SHUNT_OK : error_memory();
}
