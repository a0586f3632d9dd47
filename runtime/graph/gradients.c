/* gradients.c - reverse-mode differentiation of a graph: walks the ops backwards; each kind's row (ops/) appends the gradients
 * by its inputs. */
#include "runtime/graph/gradients.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"
#include "runtime/graph/ops/ops.h"

#include <stdlib.h>

static bool learns(const gradient_pass *p, shunt_value value)
{
    const graph_value *v = &p->graph->values[value];
    return v->source == VALUE_PARAMETER && v->role <= SHUNT_ROLE_SHIFT && !graph_is_frozen(p->frozen, v->name);
}

static void find_needed(gradient_pass *p, uint32_t nvalues)
{
    for (uint32_t v = 0; v < nvalues; v++) p->needed[v] = learns(p, (shunt_value)v);
    for (uint32_t i = 0; i < p->nops; i++) {
        const graph_op *op = &p->graph->ops[i];
        for (uint32_t k = 0; k < op->ninputs; k++)
            for (uint32_t o = 0; p->needed[op->inputs[k]] && o < op->noutputs; o++) p->needed[op->outputs[o]] = true;
    }
}

void gradient_add(gradient_pass *p, shunt_value value, shunt_value diff)
{
    if (!p->needed[value]) return;
    if (p->diffs[value] == SHUNT_NO_VALUE) {
        p->diffs[value] = diff;
        return;
    }
    graph_op sum = {.kind = SHUNT_OP_ADD, .ninputs = 2, .inputs = {p->diffs[value], diff}};
    p->diffs[value] = graph_append_named(p->graph, p->graph->values[value].name, "diff", &sum, 0, NULL, NULL);
}

graph_op gradient_op(const graph_op *op, uint32_t kind, uint32_t flags, uint32_t ninputs, const shunt_value *inputs)
{
    graph_op made = {.kind = kind, .flags = flags, .ninputs = ninputs, .attr = op->attr};
    for (uint32_t i = 0; i < ninputs; i++) made.inputs[i] = inputs[i];
    return made;
}

shunt_value gradient_mask(gradient_pass *p, const graph_op *op, shunt_value diff)
{
    graph_op mask = {.kind = SHUNT_OP_RELU_GRAD, .ninputs = 2, .inputs = {p->now[op->outputs[0]], diff}};
    return graph_append_named(p->graph, op->name, "diff_relu", &mask, 0, NULL, NULL);
}

shunt_value gradient_through_relu(gradient_pass *p, const graph_op *op, shunt_value diff)
{
    return op->flags & SHUNT_FLAG_RELU ? gradient_mask(p, op, diff) : diff;
}

shunt_status gradient_by_src(gradient_pass *p, const graph_op *op, uint32_t kind, bool reads_src, shunt_value diff)
{
    const shunt_value inputs[] = {reads_src ? p->now[op->inputs[0]] : diff, diff};
    graph_op made = gradient_op(op, kind, 0, reads_src ? 2 : 1, inputs);
    shunt_tensor_desc src = p->graph->values[op->inputs[0]].desc;
    gradient_add(p, op->inputs[0], graph_append_named(p->graph, op->name, "diff_src", &made, 1, &src, NULL));
    return SHUNT_OK;
}

shunt_status gradient_refuse(const graph_op *op)
{
    char label[64];
    return error_fail(SHUNT_E_UNSUPPORTED, "%s: %s has no gradient here", op->name,
                      op_label(op->kind, op->flags, label, sizeof label));
}

/* Gradients are with respect to output 0. BATCH_STATISTICS has no gradient and no diff of its own: BATCH_NORM's passes through both. */
static shunt_status differentiate(gradient_pass *p, const graph_op *op)
{
    uint32_t reached = 0; /* bit o: there is a diff of output o */
    for (uint32_t o = 0; o < op->noutputs; o++)
        if (p->needed[op->outputs[o]] && p->diffs[op->outputs[o]] != SHUNT_NO_VALUE) reached |= 1u << o;
    if (!reached) return SHUNT_OK;
    const op_kind *kind = op_kind_of(op->kind);
    return kind->gradient && reached == 1 ? kind->gradient(p, op, p->diffs[op->outputs[0]]) : gradient_refuse(op);
}

static shunt_status walk_back(gradient_pass *p)
{
    shunt_status status = SHUNT_OK;
    uint32_t stretch = p->nstretches - 1;
    for (uint32_t i = p->nops; i-- > 0 && status == SHUNT_OK;) {
        const graph_op op = p->graph->ops[i]; /* the array may move */
        if (p->stretches && p->stretches[i] != stretch) {
            stretch = p->stretches[i];
            status = graph_recompute(p->graph, p->stretches, stretch, p->nops, p->now);
        }
        if (status == SHUNT_OK) status = differentiate(p, &op);
        if (status == SHUNT_OK) status = shunt_graph_check(p->graph);
    }
    return status;
}

static shunt_status run(gradient_pass *p, const graph_seed *seeds, size_t nseeds, uint32_t nvalues)
{
    for (uint32_t v = 0; v < nvalues; v++) {
        p->diffs[v] = SHUNT_NO_VALUE;
        p->now[v] = (shunt_value)v;
    }
    for (size_t i = 0; i < nseeds; i++) p->diffs[seeds[i].value] = seeds[i].diff;
    find_needed(p, nvalues);
    shunt_status status = SHUNT_OK;
    if (p->stretches) status = graph_find_stretches(p->graph, p->nops, p->stretches, &p->nstretches);
    if (status == SHUNT_OK) status = walk_back(p);
    for (uint32_t v = 0; status == SHUNT_OK && v < nvalues; v++)
        if (learns(p, (shunt_value)v)) p->graph->values[v].diff = p->diffs[v];
    return status;
}

static bool has_value(const shunt_graph *graph, shunt_value value)
{
    return value >= 0 && (uint32_t)value < graph->nvalues;
}

shunt_status graph_gradients(shunt_graph *graph, const graph_seed *seeds, size_t nseeds,
                             const shunt_gradient_options *options)
{
    shunt_gradient_options own;
    shunt_status status = shunt_graph_check(graph);
    if (status == SHUNT_OK)
        status = sized_take(&own, sizeof own, SIZE_THROUGH(shunt_gradient_options, recompute), options,
                            "shunt_gradient_options");
    if (status != SHUNT_OK) return status;
    for (size_t i = 0; i < nseeds; i++)
        if (!has_value(graph, seeds[i].value) || !has_value(graph, seeds[i].diff))
            return error_fail(SHUNT_E_INVALID, "gradients: there is no value %d or %d", seeds[i].value, seeds[i].diff);
    status = graph_fuse(graph, NULL, NULL); /* then a batch norm's gradient does its ReLU's as well */
    if (status != SHUNT_OK) return status;
    uint32_t nvalues = graph->nvalues;
    gradient_pass p = {.graph = graph,
                       .frozen = own.frozen,
                       .diffs = malloc(nvalues * sizeof *p.diffs),
                       .now = malloc(nvalues * sizeof *p.now),
                       .needed = calloc(nvalues, sizeof *p.needed),
                       .nops = graph->nops,
                       .stretches = own.recompute ? calloc(graph->nops + (size_t)1, sizeof *p.stretches) : NULL,
                       .nstretches = 1};
    bool enough = p.diffs && p.now && p.needed && (p.stretches || !own.recompute);
    status = enough ? run(&p, seeds, nseeds, nvalues) : error_memory();
    free(p.diffs);
    free(p.now);
    free(p.needed);
    free(p.stretches);
    return status;
}

shunt_status shunt_graph_gradients(shunt_graph *graph, shunt_value value, shunt_value diff,
                                   const shunt_gradient_options *options)
{
    return graph_gradients(graph, &(graph_seed){value, diff}, 1, options);
}
