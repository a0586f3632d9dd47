/* training_ops.c - what a training graph has besides gradients: the batch's own statistics, the loss, the optimizer. */
#include "runtime/base/error.h"
#include "runtime/base/sized.h"
#include "runtime/graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool graph_is_frozen(const shunt_frozen *frozen, const char *name)
{
    for (size_t i = 0; frozen && i < frozen->count; i++)
        if (!strncmp(name, frozen->prefixes[i], strlen(frozen->prefixes[i]))) return true;
    return false;
}

shunt_value graph_append_named(shunt_graph *graph, const char *of, const char *what, const graph_op *like,
                               uint32_t nhints, const shunt_tensor_desc *hints, shunt_value *outputs)
{
    graph_op op = *like;
    if (asprintf(&op.name, "%s.%s", of, what) < 0) {
        graph_fail_memory(graph);
        return SHUNT_NO_VALUE;
    }
    shunt_value made = graph_append(graph, &op, nhints, hints);
    free(op.name);
    if (outputs) memcpy(outputs, op.outputs, op.noutputs * sizeof *outputs);
    return made;
}

/* ---- Batch norms ------------------------------------------------------------------------------------------------ */

/* How many elements go into one channel's statistics. */
static int64_t samples_of(const shunt_tensor_desc *src)
{
    return (int64_t)shunt_tensor_count(src) / src->dims[1];
}

static shunt_value move_average(shunt_graph *graph, const char *name, const char *what, shunt_value average,
                                shunt_value sample, float rate, float scale)
{
    graph_op op = {.kind = SHUNT_OP_MOVING_AVERAGE, .ninputs = 2, .inputs = {average, sample}};
    op.attr.moving_average = (shunt_moving_average_attr){.rate = rate, .scale = scale};
    return graph_append_named(graph, name, what, &op, 0, NULL, NULL);
}

/* Op `index` is a batch norm with running statistics: puts the batch's before it. The averages go to the end. */
static shunt_status train_one(shunt_graph *graph, uint32_t index, float rate)
{
    graph_op norm = graph->ops[index];
    int64_t n = samples_of(&graph->values[norm.inputs[0]].desc);
    if (n < 2)
        return error_fail(SHUNT_E_INVALID, "%s: a channel has only one value and so no variance; use a larger batch",
                          norm.name);
    graph_op statistics = {.kind = SHUNT_OP_BATCH_STATISTICS, .ninputs = 1, .inputs = {norm.inputs[0]}};
    shunt_value batch[SHUNT_MAX_OUTPUTS];
    graph_append_named(graph, norm.name, "statistics", &statistics, 0, NULL, batch);
    if (graph->status) return shunt_graph_check(graph);
    graph_op made = graph->ops[--graph->nops]; /* from the end to its place */
    shunt_status status = graph_insert_op(graph, index, &made);
    free(made.name);
    if (status != SHUNT_OK) return status;
    graph_op *moved = &graph->ops[index + 1];
    moved->inputs[3] = batch[0];
    moved->inputs[4] = batch[1];
    move_average(graph, norm.name, "running_mean.average", norm.inputs[3], batch[0], rate, 1);
    move_average(graph, norm.name, "running_var.average", norm.inputs[4], batch[1], rate, (float)n / (float)(n - 1));
    return shunt_graph_check(graph);
}

shunt_status shunt_graph_train_batch_norms(shunt_graph *graph, float rate, const shunt_frozen *frozen)
{
    shunt_status status = shunt_graph_check(graph);
    for (uint32_t i = 0; status == SHUNT_OK && i < graph->nops; i++) {
        const graph_op *op = &graph->ops[i];
        if (op->kind != SHUNT_OP_BATCH_NORM || graph->values[op->inputs[3]].source != VALUE_PARAMETER) continue;
        if (graph_is_frozen(frozen, graph->values[op->inputs[1]].name)) continue;
        status = train_one(graph, i++, rate);
    }
    return status;
}

void graph_set_samples(shunt_graph *graph, int64_t batch)
{
    for (uint32_t i = 0; i < graph->nops; i++) {
        graph_op *op = &graph->ops[i];
        if (op->kind != SHUNT_OP_MOVING_AVERAGE || op->attr.moving_average.scale == 1) continue;
        const graph_op *statistics = &graph->ops[graph->values[op->inputs[1]].producer];
        const shunt_tensor_desc *src = &graph->values[statistics->inputs[0]].desc;
        const int64_t n = samples_of(src) / src->dims[0] * batch;
        op->attr.moving_average.scale = (float)n / (float)(n - 1);
    }
}

/* ---- Loss and optimizer ------------------------------------------------------------------------------------------- */

shunt_value shunt_graph_cross_entropy(shunt_graph *graph, const char *name, shunt_value logits, shunt_value labels,
                                      float smoothing, shunt_value *diff_logits)
{
    if (diff_logits) *diff_logits = SHUNT_NO_VALUE;
    if (!graph || !name || !diff_logits) return SHUNT_NO_VALUE;
    graph_op op = {.name = (char *)name, .kind = SHUNT_OP_CROSS_ENTROPY, .ninputs = 2, .inputs = {logits, labels}};
    op.attr.cross_entropy.smoothing = smoothing;
    shunt_value losses = graph_append(graph, &op, 0, NULL);
    if (losses != SHUNT_NO_VALUE) *diff_logits = op.outputs[1];
    return losses;
}

shunt_value shunt_graph_gradient(const shunt_graph *graph, const char *parameter)
{
    shunt_value value = graph ? graph_find_parameter(graph, parameter) : SHUNT_NO_VALUE;
    return value == SHUNT_NO_VALUE ? SHUNT_NO_VALUE : graph->values[value].diff;
}

/* A parameter with a gradient, and the op that makes that. */
typedef struct learned {
    shunt_value parameter;
    bool decays, trusted; /* trusted: by LARS */
    int32_t producer;
} learned;

static int by_producer(const void *a, const void *b)
{
    const learned *x = a, *y = b;
    if (x->decays != y->decays) return x->decays ? -1 : 1;
    if (x->producer != y->producer) return x->producer < y->producer ? -1 : 1;
    return (x->parameter > y->parameter) - (x->parameter < y->parameter);
}

/* Those that decay, then the others, each in the order in which a run makes their gradients. NULL without memory. */
static learned *list_learned(const shunt_graph *graph, const shunt_sgd_options *options, uint32_t *count)
{
    learned *list = malloc((graph->nvalues + (size_t)1) * sizeof *list);
    *count = 0;
    for (uint32_t v = 0; list && v < graph->nvalues; v++) {
        const graph_value *value = &graph->values[v];
        if (value->source != VALUE_PARAMETER || value->diff == SHUNT_NO_VALUE) continue;
        list[(*count)++] = (learned){.parameter = (shunt_value)v,
                                     .decays = options->decay_all || value->role == SHUNT_ROLE_WEIGHT,
                                     .trusted = options->lars > 0 && value->role == SHUNT_ROLE_WEIGHT,
                                     .producer = graph->values[value->diff].producer};
    }
    if (list) qsort(list, *count, sizeof *list, by_producer);
    return list;
}

/* The squares that LARS needs of a parameter and its gradient. */
static shunt_value add_squares(shunt_graph *graph, const graph_value *value, shunt_value parameter)
{
    const graph_op op = {.kind = SHUNT_OP_SUM_SQUARES, .ninputs = 2, .inputs = {parameter, value->diff}};
    return graph_append_named(graph, value->name, "squares", &op, 0, NULL, NULL);
}

/* Updates stand behind everything: only then is it known whether a gradient overflowed, and none has an old reader left. */
static shunt_status update(shunt_graph *graph, const learned *of, shunt_value rate, const shunt_sgd_options *options)
{
    const graph_value value = graph->values[of->parameter];
    char *velocity_name;
    if (asprintf(&velocity_name, "%s.velocity", value.name) < 0) return error_memory();
    shunt_value velocity =
        shunt_graph_parameter(graph, velocity_name, SHUNT_ROLE_VELOCITY, value.desc.rank, value.desc.dims);
    free(velocity_name);
    graph_op op = {.kind = SHUNT_OP_SGD,
                   .flags = options->nesterov ? SHUNT_FLAG_NESTEROV : 0,
                   .ninputs = 4,
                   .inputs = {of->parameter, velocity, value.diff, rate}};
    op.attr.sgd =
        (shunt_sgd_attr){.momentum = options->momentum, .weight_decay = of->decays ? options->weight_decay : 0};
    if (of->trusted) {
        op.flags |= SHUNT_FLAG_LARS;
        op.attr.sgd.trust = options->lars;
        op.inputs[op.ninputs++] = add_squares(graph, &value, of->parameter);
    }
    graph_append_named(graph, value.name, "update", &op, 0, NULL, NULL);
    return shunt_graph_check(graph);
}

shunt_status shunt_graph_sgd(shunt_graph *graph, shunt_value rate, const shunt_sgd_options *options)
{
    shunt_sgd_options own;
    shunt_status status = shunt_graph_check(graph);
    if (status == SHUNT_OK && !options) return error_fail(SHUNT_E_INVALID, "sgd: no options");
    if (status == SHUNT_OK)
        status = sized_take(&own, sizeof own, SIZE_THROUGH(shunt_sgd_options, decay_all), options, "shunt_sgd_options");
    if (status != SHUNT_OK) return status;
    uint32_t count;
    learned *list = list_learned(graph, &own, &count);
    if (!list) return error_memory();
    if (count == 0)
        status = error_fail(SHUNT_E_INVALID, "sgd: no parameter has a gradient; call shunt_graph_gradients first");
    for (uint32_t i = 0; status == SHUNT_OK && i < count; i++) status = update(graph, &list[i], rate, &own);
    free(list);
    return status;
}

void shunt_graph_widen(shunt_graph *graph)
{
    for (uint32_t v = 0; graph && v < graph->nvalues; v++)
        if (!graph->decider || graph->inputs[graph->decider - 1] != (shunt_value)v)
            graph->values[v].desc.dtype = SHUNT_F64;
}
