/* guard.c - updates that are left out when a gradient is infinite or NaN. They have to stand behind all gradients for that, and read
 * how many elements of these are not finite. */
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"

#include <stdlib.h>

/* Takes all updates out of the graph, in their order. Returns how many. */
static uint32_t take_updates(shunt_graph *graph, graph_op *updates)
{
    uint32_t kept = 0, count = 0;
    for (uint32_t i = 0; i < graph->nops; i++)
        if (op_replaced(graph->ops[i].kind))
            updates[count++] = graph->ops[i];
        else
            graph->ops[kept++] = graph->ops[i];
    graph->nops = kept;
    return count;
}

/* Appends them; there is room, unless ops were added since. */
static shunt_status put_updates(shunt_graph *graph, const graph_op *updates, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!graph_room(&graph->ops, &graph->ops_room, graph->nops, sizeof *graph->ops)) {
            for (; i < count; i++) free(updates[i].name);
            return error_memory();
        }
        graph->ops[graph->nops++] = updates[i];
    }
    return SHUNT_OK;
}

/* The number of elements of all gradients that are not finite, added up from op to op. */
static shunt_value count_nonfinite(shunt_graph *graph, const graph_op *updates, uint32_t count)
{
    shunt_value sum = SHUNT_NO_VALUE;
    for (uint32_t i = 0; i < count && !graph->status; i++) {
        if (updates[i].kind != SHUNT_OP_SGD) continue;
        graph_op op = {.kind = SHUNT_OP_COUNT_NONFINITE, .ninputs = 1, .inputs = {updates[i].inputs[2], sum}};
        if (sum != SHUNT_NO_VALUE) {
            op.flags = SHUNT_FLAG_RESIDUAL;
            op.ninputs = 2;
        }
        sum = graph_append_named(graph, graph->values[updates[i].inputs[0]].name, "nonfinite", &op, 0, NULL, NULL);
    }
    return sum;
}

/* Puts the input that a flag adds to its place among those of other flags. */
static void add_input(graph_op *op, uint32_t flag, shunt_value value)
{
    op->flags |= flag;
    const uint32_t place = shunt_op_flag_input(op->kind, op->flags, flag);
    for (uint32_t i = op->ninputs++; i > place; i--) op->inputs[i] = op->inputs[i - 1];
    op->inputs[place] = value;
}

static void add_guard(graph_op *update, shunt_value scale, shunt_value nonfinite)
{
    if (update->kind == SHUNT_OP_SGD) add_input(update, SHUNT_FLAG_SCALE, scale);
    add_input(update, SHUNT_FLAG_SKIP, nonfinite);
}

shunt_status graph_guard_updates(shunt_graph *graph, shunt_value scale, shunt_value *nonfinite)
{
    graph_op *updates = malloc((graph->nops + (size_t)1) * sizeof *updates);
    if (!updates) return error_memory();
    const uint32_t count = take_updates(graph, updates);
    *nonfinite = count_nonfinite(graph, updates, count);
    for (uint32_t i = 0; i < count && !graph->status; i++) add_guard(&updates[i], scale, *nonfinite);
    shunt_status status = put_updates(graph, updates, count);
    graph_compact(graph); /* numbers the ops anew */
    free(updates);
    return status ? status : shunt_graph_check(graph);
}

shunt_status graph_put_updates_last(shunt_graph *graph)
{
    graph_op *updates = malloc((graph->nops + (size_t)1) * sizeof *updates);
    if (!updates) return error_memory();
    shunt_status status = put_updates(graph, updates, take_updates(graph, updates));
    graph_compact(graph); /* numbers the ops anew */
    free(updates);
    return status;
}

bool graph_is_guarded(const shunt_graph *graph)
{
    for (uint32_t i = 0; i < graph->nops; i++)
        if (graph->ops[i].kind == SHUNT_OP_COUNT_NONFINITE) return true;
    return false;
}
