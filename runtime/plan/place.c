/* place.c - decides where each op runs.
 *
 * An op goes to the main device if the device takes it in its preferred layout, or else plain; an op that it refuses goes to
 * the fallback device, plain. A cheap op between two refused ones goes there too, so that data crosses once. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"

#include <string.h>

/* An op of less arithmetic per byte than this costs less on the host than moving its data to the device and back. */
enum { CHEAP_FLOPS_PER_BYTE = 2 };

static void place_one(graph_plan *plan, const graph_op *op, plan_place *out)
{
    const shunt_device *device = plan->executor->devices[PLAN_MAIN];
    if (graph_is_alias(plan->graph, op)) {
        out->plain = true;
        return;
    }
    shunt_op_desc desc;
    graph_op_desc(plan->graph, op, &desc);
    plan_set_blocks(&desc, device->entry.info.block);
    const plan_answer *answer = plan_ask(plan, PLAN_MAIN, &desc);
    if (answer->ncandidates) return;
    plan_set_blocks(&desc, SHUNT_PLAIN);
    out->plain = true;
    if (device->entry.info.block != SHUNT_PLAIN && plan_ask(plan, PLAN_MAIN, &desc)->ncandidates) return;
    out->device = PLAN_FALLBACK;
    memcpy(out->refused, answer->reason, sizeof out->refused);
}

static bool cheap(const shunt_graph *graph, const graph_op *op)
{
    shunt_op_desc desc;
    graph_op_desc(graph, op, &desc);
    return op_flops(&desc) < CHEAP_FLOPS_PER_BYTE * op_bytes(&desc);
}

static bool reads(const graph_op *reader, const graph_op *op)
{
    for (uint32_t i = 0; i < reader->ninputs; i++)
        for (uint32_t o = 0; o < op->noutputs; o++)
            if (reader->inputs[i] == op->outputs[o]) return true;
    return false;
}

/* All its neighbours are on the fallback device, and it has some on both sides. */
static bool surrounded(const shunt_graph *graph, const plan_place *places, uint32_t index)
{
    const graph_op *op = &graph->ops[index];
    bool before = false, after = false;
    for (uint32_t i = 0; i < op->ninputs; i++) {
        const graph_value *value = &graph->values[op->inputs[i]];
        if (value->source == VALUE_INPUT) return false;
        if (value->source != VALUE_COMPUTED) continue;
        if (places[value->producer].device != PLAN_FALLBACK) return false;
        before = true;
    }
    for (uint32_t o = index + 1; o < graph->nops; o++) {
        if (!reads(&graph->ops[o], op)) continue;
        if (places[o].device != PLAN_FALLBACK) return false;
        after = true;
    }
    return before && after;
}

void plan_place_ops(graph_plan *plan, plan_place *places)
{
    const shunt_graph *graph = plan->graph;
    for (uint32_t o = 0; o < graph->nops; o++) place_one(plan, &graph->ops[o], &places[o]);
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t o = 0; o < graph->nops; o++) {
            if (places[o].device == PLAN_FALLBACK || !cheap(graph, &graph->ops[o]) || !surrounded(graph, places, o))
                continue;
            places[o] = (plan_place){PLAN_FALLBACK, true, "stands between ops that the device refuses"};
            changed = true;
        }
    }
}

/* SHUNT_FALLBACK: error refuses a plan that needs the fallback device, quiet says nothing; else it is said once per plan. */
shunt_status plan_report_fallback(const graph_plan *plan, const plan_place *places)
{
    const char *mode = shunt_option("fallback");
    const char *selector = plan->executor->devices[PLAN_MAIN]->entry.selector;
    const graph_op *first = NULL;
    const char *reason = "";
    uint32_t count = 0;
    for (uint32_t o = 0; o < plan->graph->nops; o++) {
        if (places[o].device != PLAN_FALLBACK) continue;
        if (count++ == 0) first = &plan->graph->ops[o], reason = places[o].refused;
    }
    if (count == 0 || (mode && !strcmp(mode, "quiet"))) return SHUNT_OK;
    if (mode && !strcmp(mode, "error"))
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "%s refuses %u of %u ops, the first %s: %s; SHUNT_FALLBACK=warn runs them "
                          "in plain C",
                          selector, count, plan->graph->nops, first->name, reason);
    log_write(SHUNT_LOG_WARN, "%s refuses %u of %u ops, which run in plain C; the first is %s: %s", selector, count,
              plan->graph->nops, first->name, reason);
    return SHUNT_OK;
}
