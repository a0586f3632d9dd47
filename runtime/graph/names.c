/* names.c - values by name, and the network up to some of them: what embeddings and feature maps are taken from. */
#include "runtime/graph/graph.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

const char *shunt_graph_output_name(const shunt_graph *graph, size_t index)
{
    return graph && index < graph->noutputs ? graph->outputs[index].name : NULL;
}

shunt_value shunt_graph_output_value(const shunt_graph *graph, size_t index)
{
    return graph && index < graph->noutputs ? graph->outputs[index].value : SHUNT_NO_VALUE;
}

shunt_value shunt_graph_input_value(const shunt_graph *graph, size_t index)
{
    return graph && index < graph->ninputs ? graph->inputs[index] : SHUNT_NO_VALUE;
}

/* ---- Names ------------------------------------------------------------------------------------------------------ */

/* Passes and cuts leave values behind that no op makes any more. */
static bool has_name(const graph_value *value)
{
    return value->source == VALUE_INPUT || (value->source == VALUE_COMPUTED && value->producer >= 0);
}

const char *shunt_graph_value_name(const shunt_graph *graph, shunt_value value)
{
    if (!graph || value < 0 || (uint32_t)value >= graph->nvalues) return NULL;
    return has_name(&graph->values[value]) ? graph->values[value].name : "";
}

shunt_status graph_name_value(shunt_graph *graph, const char *name, shunt_value value)
{
    graph_value *named = &graph->values[value];
    if (named->producer < 0) return SHUNT_OK;
    if (!graph->names && !(graph->names = json_object())) return error_memory();
    if (json_object_set_new(graph->names, name, json_integer(value)))
        return error_fail(SHUNT_E_INVALID, "a value's name is not UTF-8, or there is no memory left");
    if (strcmp(named->name, graph->ops[named->producer].name) != 0) return SHUNT_OK;
    char *copy = strdup(name);
    if (!copy) return error_memory();
    free(named->name);
    named->name = copy;
    return SHUNT_OK;
}

shunt_value shunt_graph_find(const shunt_graph *graph, const char *name)
{
    if (!graph || !name) return SHUNT_NO_VALUE;
    const json_t *known = json_object_get(graph->names, name);
    if (known && has_name(&graph->values[json_integer_value(known)])) return (shunt_value)json_integer_value(known);
    for (uint32_t i = graph->nvalues; i-- > 0;)
        if (has_name(&graph->values[i]) && !strcmp(graph->values[i].name, name)) return (shunt_value)i;
    for (uint32_t i = graph->nops; i-- > 0;)
        if (!strcmp(graph->ops[i].name, name)) return graph->ops[i].outputs[0];
    return SHUNT_NO_VALUE;
}

shunt_value shunt_graph_features(const shunt_graph *graph)
{
    shunt_value pooled = SHUNT_NO_VALUE;
    for (uint32_t i = graph ? graph->nops : 0; i-- > 0;) {
        if (graph->ops[i].kind == SHUNT_OP_LINEAR) return graph->ops[i].inputs[0];
        if (graph->ops[i].kind == SHUNT_OP_GLOBAL_POOL && pooled == SHUNT_NO_VALUE) pooled = graph->ops[i].outputs[0];
    }
    return pooled;
}

/* ---- The network up to some values ------------------------------------------------------------------------------- */

static bool is_read(const graph_op *op, const uint32_t *uses)
{
    bool read = false;
    for (uint32_t i = 0; i < op->noutputs; i++) read |= uses[op->outputs[i]] > 0;
    return read;
}

shunt_status graph_drop_unread(shunt_graph *graph)
{
    uint32_t *uses = graph_count_uses(graph);
    if (!uses) return error_memory();
    for (uint32_t i = graph->nops; i-- > 0;) {
        graph_op *op = &graph->ops[i];
        if (is_read(op, uses)) continue;
        for (uint32_t k = 0; k < op->ninputs; k++) uses[op->inputs[k]]--;
        op->kind = 0;
    }
    free(uses);
    graph_compact(graph);
    return SHUNT_OK;
}

static shunt_status fail_unknown(const shunt_graph *graph, const char *name)
{
    const char *last = "";
    for (uint32_t i = 0; i < graph->nvalues; i++)
        if (has_name(&graph->values[i])) last = graph->values[i].name;
    return error_fail(SHUNT_E_NOT_FOUND, "the network has no value '%.100s'; its last one is '%.100s'", name, last);
}

static shunt_status choose_outputs(shunt_graph *graph, const char *const *names, size_t count)
{
    for (uint32_t i = 0; i < graph->noutputs; i++) free(graph->outputs[i].name);
    graph->noutputs = 0;
    for (size_t i = 0; i < count; i++) {
        if (!names[i]) return error_null("shunt_graph_cut", "one of names");
        const shunt_value value = shunt_graph_find(graph, names[i]);
        if (value == SHUNT_NO_VALUE) return fail_unknown(graph, names[i]);
        shunt_graph_output(graph, names[i], value);
    }
    return shunt_graph_check(graph);
}

shunt_status shunt_graph_cut(const shunt_graph *graph, const char *const *names, size_t count, shunt_graph **out)
{
    if (!graph || !names || !out) return error_null(__func__, "graph, names, out");
    *out = NULL;
    if (!count) return error_fail(SHUNT_E_INVALID, "no value is named to cut the network at");
    if (graph_trains(graph)) return error_fail(SHUNT_E_UNSUPPORTED, "a network that trains cannot be cut");
    shunt_graph *copy;
    shunt_status status = shunt_graph_check(graph);
    if (!status) status = shunt_graph_copy(graph, &copy);
    if (status) return status;
    status = choose_outputs(copy, names, count);
    if (!status) status = graph_drop_unread(copy);
    if (status)
        shunt_graph_destroy(copy);
    else
        *out = copy;
    return status;
}
