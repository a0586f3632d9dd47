/* place.c - decides where each op runs.
 *
 * An op goes to the main device, on data of the plan's type if the device takes that, or else in float32; in either in the
 * device's layout, or else plain. An op that it refuses goes to the fallback device, plain and in float32. A cheap op between two refused ones goes there too, so that data crosses once. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"

#include <string.h>

/* An op of less arithmetic per byte than this costs less on the host than moving its data to the device and back. */
enum { CHEAP_FLOPS_PER_BYTE = 2 };

static const plan_answer *ask_in_form(graph_plan *plan, const shunt_op_desc *desc, uint8_t dtype, bool plain)
{
    shunt_op_desc formed = *desc;
    plan_set_types(&formed, dtype);
    plan_set_blocks(&formed, plan->executor->devices[PLAN_MAIN], plain);
    return plan_ask(plan, PLAN_MAIN, &formed);
}

bool plan_takes(graph_plan *plan, const shunt_op_desc *desc, uint8_t dtype)
{
    return ask_in_form(plan, desc, dtype, false)->ncandidates > 0;
}

/* In the device's layout, or else plain; false: the device refuses both, and out->refused says why. */
static bool place_typed(graph_plan *plan, const shunt_op_desc *desc, uint8_t dtype, plan_place *out)
{
    const plan_answer *answer = ask_in_form(plan, desc, dtype, false);
    out->dtype = dtype;
    out->plain = !answer->ncandidates;
    if (answer->ncandidates || ask_in_form(plan, desc, dtype, true)->ncandidates) return true;
    memcpy(out->refused, answer->reason, sizeof out->refused);
    return false;
}

static bool has_data(const shunt_op_desc *desc)
{
    shunt_op_desc typed = *desc;
    plan_set_types(&typed, SHUNT_F16);
    return memcmp(&typed, desc, sizeof typed) != 0;
}

static void place_one(graph_plan *plan, const graph_op *op, plan_place *out)
{
    shunt_op_desc desc;
    out->dtype = SHUNT_F32;
    if (graph_is_alias(plan->graph, op)) {
        out->plain = true;
        return;
    }
    graph_op_desc(plan->graph, op, &desc);
    if (plan->dtype != SHUNT_F32 && has_data(&desc) && place_typed(plan, &desc, plan->dtype, out)) return;
    if (!place_typed(plan, &desc, SHUNT_F32, out)) out->device = PLAN_FALLBACK;
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
            places[o] = (plan_place){PLAN_FALLBACK, SHUNT_F32, true, "stands between ops that the device refuses"};
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

void plan_report_wide(const graph_plan *plan, const plan_place *places)
{
    const char *selector = plan->executor->devices[PLAN_MAIN]->entry.selector, *reason = "";
    const graph_op *first = NULL;
    uint32_t count = 0;
    for (uint32_t o = 0; o < plan->graph->nops; o++) {
        if (places[o].device != PLAN_MAIN || places[o].dtype == plan->dtype || !places[o].refused[0]) continue;
        if (count++ == 0) first = &plan->graph->ops[o], reason = places[o].refused;
    }
    if (count)
        log_write(SHUNT_LOG_WARN,
                  "%s refuses %u of %u ops on data in %s, and computes them in f32; the first is %s: %s", selector,
                  count, plan->graph->nops, shunt_dtype_name(plan->dtype), first->name, reason);
}
