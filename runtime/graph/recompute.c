/* recompute.c - trades time for memory: which stretches of a graph are computed again for their gradients.
 *
 * A stretch ends where a single value goes on to what follows: behind a block of a residual network, say. That value is
 * kept; values inside are not, but computed again just before the stretch's gradients. The last stretch is spared: its values
 * are still there. */
#include "runtime/base/error.h"
#include "runtime/graph/gradients.h"

#include <stdlib.h>

enum { MIN_STRETCH = 6 }; /* ops: shorter ones are joined, or every layer of a plain net would be kept */

/* Batch statistics are small and are kept; averages are no part of the way from input to loss. */
static bool counts(const graph_op *op)
{
    return op->kind != SHUNT_OP_MOVING_AVERAGE && op->kind != SHUNT_OP_BATCH_STATISTICS;
}

/* For each op the last one that reads its result, itself if none does. */
static void find_last_readers(const shunt_graph *graph, uint32_t nops, uint32_t *last)
{
    for (uint32_t i = 0; i < nops; i++) {
        const graph_op *op = &graph->ops[i];
        last[i] = i;
        for (uint32_t k = 0; k < op->ninputs && counts(op); k++) {
            int32_t producer = graph->values[op->inputs[k]].producer;
            if (producer >= 0) last[producer] = i;
        }
    }
}

shunt_status graph_find_stretches(const shunt_graph *graph, uint32_t nops, uint32_t *stretch_of, uint32_t *nstretches)
{
    uint32_t *last = calloc(nops + (size_t)1, sizeof *last), current = 0, length = 0;
    if (!last) return error_memory();
    find_last_readers(graph, nops, last);
    for (uint32_t i = 0; i < nops; i++) {
        stretch_of[i] = current;
        bool ends = counts(&graph->ops[i]) && ++length >= MIN_STRETCH;
        for (uint32_t before = 0; before < i && ends; before++)
            ends = !counts(&graph->ops[before]) || last[before] <= i;
        if (ends) current++, length = 0;
    }
    *nstretches = current + 1;
    free(last);
    return SHUNT_OK;
}

/* Whether op `index` is the one whose result its stretch hands on. */
static bool is_end(const uint32_t *stretch_of, uint32_t index, uint32_t nops)
{
    return index + 1 < nops && stretch_of[index + 1] != stretch_of[index];
}

shunt_status graph_recompute(shunt_graph *graph, const uint32_t *stretch_of, uint32_t stretch, uint32_t nops,
                             shunt_value *now)
{
    for (uint32_t i = 0; i < nops; i++) {
        const graph_op op = graph->ops[i]; /* the array may move */
        if (stretch_of[i] != stretch || !counts(&op) || is_end(stretch_of, i, nops)) continue;
        graph_op again = op;
        shunt_tensor_desc shape = graph->values[op.outputs[0]].desc;
        for (uint32_t k = 0; k < op.ninputs; k++) again.inputs[k] = now[op.inputs[k]];
        graph_append_named(graph, op.name, "again", &again, 1, &shape, NULL);
        if (graph->status) return shunt_graph_check(graph);
        now[op.outputs[0]] = graph->ops[graph->nops - 1].outputs[0];
    }
    return SHUNT_OK;
}
