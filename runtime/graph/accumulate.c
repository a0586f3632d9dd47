/* accumulate.c - a step that is made of several runs, each on a part of the batch. What updates read, gradients and the statistics of
 * moving averages, is added up over the runs in flat values that stay from run to run; only the last run updates.
 *
 * The sums are no parameters: they begin anew in each step, and no file of weights has them. */
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/graph/ops/ops.h"

#include <stdio.h>
#include <stdlib.h>

static bool updates(const graph_op *op)
{
    return op_replaced(op->kind) && op->kind != SHUNT_OP_ACCUMULATE;
}

shunt_status graph_begin_accumulating(shunt_graph *graph, shunt_value last, shunt_value factors)
{
    shunt_status status = graph_put_updates_last(graph);
    if (status != SHUNT_OK) return status;
    graph_begin_condition(graph, last, 0);
    for (uint32_t o = 0; !graph->status && o < graph->nops; o++)
        if (updates(&graph->ops[o])) graph->ops[o].when = graph->when;
    graph_end_condition(graph);
    for (uint32_t i = 0; i < graph->ninputs; i++)
        if (graph->inputs[i] == factors) graph->factors = i + 1;
    return shunt_graph_check(graph);
}

int32_t graph_last_maker(const shunt_graph *graph, shunt_value flat)
{
    int32_t last = -1;
    for (uint32_t v = 0; v < graph->nvalues; v++)
        if (graph->values[v].flat == flat && graph->values[v].producer > last) last = graph->values[v].producer;
    for (uint32_t o = 0; o < graph->nops; o++)
        if (graph->ops[o].kind == SHUNT_OP_ACCUMULATE && graph->ops[o].inputs[0] == flat) last = (int32_t)o;
    return last;
}

/* Whatever reads the whole of a flat value reads its sum instead. */
static void read_sum(shunt_graph *graph, shunt_value flat, shunt_value sum)
{
    for (uint32_t o = 0; o < graph->nops; o++)
        for (uint32_t i = 0; i < graph->ops[o].ninputs; i++)
            if (graph->ops[o].inputs[i] == flat) graph->ops[o].inputs[i] = sum;
}

/* Behind all ops that make or read a part of a flat value: what makes statistics may yet become one op with what reads them. */
static uint32_t find_place(const shunt_graph *graph, shunt_value flat)
{
    uint32_t place = (uint32_t)graph_last_maker(graph, flat) + 1;
    for (uint32_t o = place; o < graph->nops; o++)
        for (uint32_t i = 0; i < graph->ops[o].ninputs; i++)
            if (graph->values[graph->ops[o].inputs[i]].flat == flat) place = o + 1;
    return place;
}

/* The sum of a flat value over the runs of a step. */
static bool add_sum(shunt_graph *graph, shunt_value flat)
{
    const shunt_tensor_desc desc = graph->values[flat].desc;
    graph_op op = {.kind = SHUNT_OP_ACCUMULATE,
                   .ninputs = 3,
                   .noutputs = 1,
                   .inputs = {SHUNT_NO_VALUE, flat, graph->inputs[graph->factors - 1]}};
    if (asprintf(&op.name, "%s.sum", graph->values[flat].name) < 0) return false;
    op.inputs[0] = graph_new_value(graph, op.name, &desc, VALUE_FLAT);
    op.outputs[0] = graph_new_value(graph, op.name, &desc, VALUE_COMPUTED);
    bool made = op.inputs[0] != SHUNT_NO_VALUE && op.outputs[0] != SHUNT_NO_VALUE;
    if (made) {
        graph->values[op.inputs[0]].state = true;
        read_sum(graph, flat, op.inputs[0]);
        made = graph_insert_op(graph, find_place(graph, flat), &op) == SHUNT_OK;
    }
    free(op.name);
    return made;
}

/* Whether the op, an update or what prepares one, reads what this run alone has made. */
static bool reads_part(const shunt_graph *graph, const graph_op *op, uint32_t input)
{
    const graph_value *value = &graph->values[op->inputs[input]];
    const op_kind *row = op_kind_of(op->kind);
    if (value->source != VALUE_COMPUTED) return false;
    return updates(op) ? row->joins >> input & 1 : row->exchange == OP_EXCHANGE_TOTAL && value->flat != SHUNT_NO_VALUE;
}

static shunt_status check_sums(const shunt_graph *graph)
{
    for (uint32_t o = 0; o < graph->nops; o++)
        for (uint32_t i = 0; i < graph->ops[o].ninputs; i++)
            if (reads_part(graph, &graph->ops[o], i))
                return error_fail(SHUNT_E_UNSUPPORTED, "%s: what it reads cannot be added up over the parts of a batch",
                                  graph->ops[o].name);
    return SHUNT_OK;
}

shunt_status graph_add_up(shunt_graph *graph)
{
    const uint32_t count = graph->nvalues;
    if (!graph->factors) return SHUNT_OK;
    for (uint32_t v = 0; v < count; v++)
        if (graph->values[v].source == VALUE_FLAT && !graph->values[v].state && !add_sum(graph, (shunt_value)v))
            return error_memory();
    return check_sums(graph);
}
