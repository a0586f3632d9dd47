/* graph.c - the graph's arrays: creating, copying, growing, renumbering; and the questions passes ask of them.
 * Values keep their numbers for good; ops may be inserted and dropped, after which producers are renumbered. */
#include "runtime/graph/graph.h"
#include "runtime/base/error.h"

#include <stdlib.h>
#include <string.h>

shunt_graph *shunt_graph_create(void)
{
    return calloc(1, sizeof(shunt_graph));
}

void graph_drop_output(shunt_graph *graph)
{
    if (graph->noutputs) free(graph->outputs[--graph->noutputs].name);
}

void shunt_graph_destroy(shunt_graph *graph)
{
    if (!graph) return;
    for (uint32_t i = 0; i < graph->nvalues; i++) free(graph->values[i].name);
    for (uint32_t i = 0; i < graph->nops; i++) free(graph->ops[i].name);
    for (uint32_t i = 0; i < graph->noutputs; i++) free(graph->outputs[i].name);
    free(graph->values);
    free(graph->ops);
    free(graph->folds);
    free(graph->outputs);
    free(graph->inputs);
    json_decref(graph->parameters);
    json_decref(graph->names);
    free(graph);
}

bool graph_room(void *array, uint32_t *room, uint32_t used, size_t element)
{
    if (used < *room) return true;
    if (*room > INT32_MAX / 2) return false; /* values are numbered by int32_t */
    uint32_t wanted = *room ? *room * 2 : 16;
    void *old, *grown;
    memcpy(&old, array, sizeof old); /* array is a pointer to a pointer to any struct */
    if (!(grown = realloc(old, wanted * element))) return false;
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return true;
}

shunt_value graph_new_value(shunt_graph *graph, const char *name, const shunt_tensor_desc *desc, value_source source)
{
    if (!graph_room(&graph->values, &graph->values_room, graph->nvalues, sizeof *graph->values)) return SHUNT_NO_VALUE;
    char *copy = strdup(name);
    if (!copy) return SHUNT_NO_VALUE;
    graph->values[graph->nvalues] = (graph_value){.name = copy,
                                                  .desc = *desc,
                                                  .source = source,
                                                  .fold = -1,
                                                  .producer = -1,
                                                  .diff = SHUNT_NO_VALUE,
                                                  .flat = SHUNT_NO_VALUE};
    return (shunt_value)graph->nvalues++;
}

shunt_value graph_find_parameter(const shunt_graph *graph, const char *name)
{
    const json_t *value = json_object_get(graph->parameters, name);
    return value ? (shunt_value)json_integer_value(value) : SHUNT_NO_VALUE;
}

static void renumber(shunt_graph *graph, uint32_t from)
{
    for (uint32_t i = from; i < graph->nops; i++)
        for (uint32_t k = 0; k < graph->ops[i].noutputs; k++)
            graph->values[graph->ops[i].outputs[k]].producer = (int32_t)i;
}

shunt_status graph_insert_op(shunt_graph *graph, uint32_t at, const graph_op *op)
{
    if (at > graph->nops) return error_fail(SHUNT_E_INVALID, "no place %u among %u ops", at, graph->nops);
    if (!graph_room(&graph->ops, &graph->ops_room, graph->nops, sizeof *graph->ops)) return error_memory();
    graph_op copy = *op;
    if (!(copy.name = strdup(op->name))) return error_memory();
    memmove(graph->ops + at + 1, graph->ops + at, (graph->nops - at) * sizeof *graph->ops);
    graph->ops[at] = copy;
    graph->nops++;
    renumber(graph, at);
    return SHUNT_OK;
}

void graph_compact(shunt_graph *graph)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < graph->nops; i++) {
        if (graph->ops[i].kind)
            graph->ops[kept++] = graph->ops[i];
        else
            free(graph->ops[i].name);
    }
    graph->nops = kept;
    for (uint32_t i = 0; i < graph->nvalues; i++) graph->values[i].producer = -1;
    renumber(graph, 0);
}

/* A copy of n elements, with room for just them; NULL for none. */
static bool copy_array(void *to, const void *from, uint32_t n, size_t element)
{
    void *copy = NULL;
    if (n && !(copy = malloc(n * element))) return false;
    if (n) memcpy(copy, from, n * element);
    memcpy(to, &copy, sizeof copy);
    return true;
}

shunt_status shunt_graph_copy(const shunt_graph *graph, shunt_graph **out)
{
    if (!graph || !out) return error_null(__func__, "graph, out");
    shunt_graph *copy = shunt_graph_create();
    if (!copy) return error_memory();
    copy->status = graph->status;
    memcpy(copy->message, graph->message, sizeof copy->message);
    if (!copy_array(&copy->values, graph->values, graph->nvalues, sizeof *graph->values)) goto fail;
    for (uint32_t i = 0; i < graph->nvalues; i++, copy->nvalues++)
        if (!(copy->values[i].name = strdup(graph->values[i].name))) goto fail;
    if (!copy_array(&copy->ops, graph->ops, graph->nops, sizeof *graph->ops)) goto fail;
    for (uint32_t i = 0; i < graph->nops; i++, copy->nops++)
        if (!(copy->ops[i].name = strdup(graph->ops[i].name))) goto fail;
    if (!copy_array(&copy->outputs, graph->outputs, graph->noutputs, sizeof *graph->outputs)) goto fail;
    for (uint32_t i = 0; i < graph->noutputs; i++, copy->noutputs++)
        if (!(copy->outputs[i].name = strdup(graph->outputs[i].name))) goto fail;
    if (!copy_array(&copy->folds, graph->folds, graph->nfolds, sizeof *graph->folds)) goto fail;
    copy->nfolds = graph->nfolds;
    if (!copy_array(&copy->inputs, graph->inputs, graph->ninputs, sizeof *graph->inputs)) goto fail;
    copy->ninputs = graph->ninputs;
    copy->decider = graph->decider;
    copy->factors = graph->factors;
    if (graph->parameters && !(copy->parameters = json_deep_copy(graph->parameters))) goto fail;
    if (graph->names && !(copy->names = json_deep_copy(graph->names))) goto fail;
    copy->values_room = copy->nvalues;
    copy->ops_room = copy->nops;
    copy->outputs_room = copy->noutputs;
    copy->folds_room = copy->nfolds;
    copy->inputs_room = copy->ninputs;
    *out = copy;
    return SHUNT_OK;
fail:
    shunt_graph_destroy(copy);
    return error_memory();
}

void graph_op_desc(const shunt_graph *graph, const graph_op *op, shunt_op_desc *desc)
{
    memset(desc, 0, sizeof *desc); /* its bytes are a key */
    desc->kind = op->kind;
    desc->flags = op->flags;
    desc->ninputs = op->ninputs;
    desc->noutputs = op->noutputs;
    memcpy(&desc->attr, &op->attr, sizeof desc->attr);
    for (uint32_t i = 0; i < op->ninputs; i++) {
        const graph_value *value = &graph->values[op->inputs[i]];
        desc->inputs[i] = value->desc;
        if ((value->source == VALUE_PARAMETER && !value->state) || value->source == VALUE_FOLDED)
            desc->constant_inputs |= 1u << i;
    }
    for (uint32_t i = 0; i < op->noutputs; i++) desc->outputs[i] = graph->values[op->outputs[i]].desc;
}

uint32_t *graph_count_uses(const shunt_graph *graph)
{
    uint32_t *uses = calloc(graph->nvalues + (size_t)1, sizeof *uses); /* + 1: never of size 0 */
    if (!uses) return NULL;
    for (uint32_t i = 0; i < graph->nops; i++)
        for (uint32_t k = 0; k < graph->ops[i].ninputs; k++) uses[graph->ops[i].inputs[k]]++;
    for (uint32_t i = 0; i < graph->noutputs; i++) uses[graph->outputs[i].value]++;
    for (uint32_t i = 0; i < graph->nvalues; i++) uses[i] += graph->values[i].flat != SHUNT_NO_VALUE;
    return uses;
}

bool graph_is_alias(const shunt_graph *graph, const graph_op *op)
{
    value_source source = graph->values[op->inputs[0]].source;
    return op->kind == SHUNT_OP_RESHAPE && (source == VALUE_INPUT || source == VALUE_COMPUTED);
}

bool graph_trains(const shunt_graph *graph)
{
    for (uint32_t i = 0; i < graph->nvalues; i++)
        if (graph->values[i].state) return true;
    return false;
}

shunt_tensor_desc shunt_graph_desc(const shunt_graph *graph, shunt_value value)
{
    if (!graph || value < 0 || (uint32_t)value >= graph->nvalues) return (shunt_tensor_desc){0};
    return graph->values[value].desc;
}

shunt_status shunt_graph_check(const shunt_graph *graph)
{
    if (!graph) return error_fail(SHUNT_E_INVALID, "no graph");
    return graph->status ? error_fail(graph->status, "%s", graph->message) : SHUNT_OK;
}
