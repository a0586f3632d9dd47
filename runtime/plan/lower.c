/* lower.c - decides where each op runs and in which layout, and puts transfers and reorders where two ops disagree.
 *
 * An op goes to the main device if that takes it in the layout the device wants, or else plain; what it refuses goes to
 * the fallback device, plain. A cheap op between two refused ones goes there too, so that data crosses once. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An op of less arithmetic per byte than this costs less on the host than moving its data to the device and back. */
enum { CHEAP_FLOPS_PER_BYTE = 2 };

typedef struct choice {
    uint8_t device;
    bool plain;
    char refused[SHUNT_REASON_CHARS];
} choice;

/* It may differ from run to run, and so has one place that all readers share. */
static bool varies(const shunt_graph *graph, shunt_value value)
{
    const graph_value *v = &graph->values[value];
    return v->source == VALUE_INPUT || v->source == VALUE_COMPUTED || v->state;
}

void shunt_plan_set_blocks(shunt_op_desc *desc, uint32_t block)
{
    uint32_t plain_inputs = desc->constant_inputs | shunt_op_plain_inputs(desc->kind);
    uint32_t plain_outputs = shunt_op_plain_outputs(desc->kind);
    for (uint32_t i = 0; i < desc->ninputs; i++)
        if (desc->inputs[i].rank == 4 && !(plain_inputs >> i & 1)) desc->inputs[i].block = (uint16_t)block;
    for (uint32_t i = 0; i < desc->noutputs; i++)
        if (desc->outputs[i].rank == 4 && !(plain_outputs >> i & 1)) desc->outputs[i].block = (uint16_t)block;
}

bool shunt_device_accepts(const shunt_device *device, const shunt_op_desc *desc, char *algorithm, char *reason)
{
    shunt_op_candidates list = {.size = sizeof list};
    shunt_status status = device->ops->op_query(device->handle, desc, &list);
    const shunt_candidate *first = list.count > 0 ? &list.list[0] : NULL;
    if (status == SHUNT_OK && first && !first->reason[0]) {
        if (algorithm) memcpy(algorithm, first->algorithm, SHUNT_ALGORITHM_CHARS);
        return true;
    }
    if (reason) {
        const char *why = first && first->reason[0] ? first->reason : device->backend->last_error();
        snprintf(reason, SHUNT_REASON_CHARS, "%s", why);
    }
    return false;
}

/* A reshape that is no step: plain, its result is its input's memory. No device has to know it. */
static bool is_alias(const shunt_graph *graph, const graph_op *op)
{
    value_source source = graph->values[op->inputs[0]].source;
    return op->kind == SHUNT_OP_RESHAPE && (source == VALUE_INPUT || source == VALUE_COMPUTED);
}

static void choose_one(const shunt_plan *plan, const graph_op *op, choice *out)
{
    const shunt_device *device = plan->executor->devices[PLAN_MAIN];
    if (is_alias(plan->graph, op)) {
        out->plain = true;
        return;
    }
    shunt_op_desc desc;
    shunt_graph_op_desc(plan->graph, op, &desc);
    shunt_plan_set_blocks(&desc, device->entry.info.block);
    if (shunt_device_accepts(device, &desc, NULL, out->refused)) return;
    shunt_plan_set_blocks(&desc, SHUNT_PLAIN);
    out->plain = true;
    if (device->entry.info.block != SHUNT_PLAIN && shunt_device_accepts(device, &desc, NULL, NULL))
        out->refused[0] = '\0';
    else
        out->device = PLAN_FALLBACK;
}

static bool cheap(const shunt_graph *graph, const graph_op *op)
{
    shunt_op_desc desc;
    shunt_graph_op_desc(graph, op, &desc);
    return shunt_op_flops(&desc) < CHEAP_FLOPS_PER_BYTE * shunt_op_bytes(&desc);
}

static bool reads(const graph_op *reader, const graph_op *op)
{
    for (uint32_t i = 0; i < reader->ninputs; i++)
        for (uint32_t o = 0; o < op->noutputs; o++)
            if (reader->inputs[i] == op->outputs[o]) return true;
    return false;
}

/* All its neighbours are on the fallback device, and it has some on both sides. */
static bool surrounded(const shunt_graph *graph, const choice *choices, uint32_t index)
{
    const graph_op *op = &graph->ops[index];
    bool before = false, after = false;
    for (uint32_t i = 0; i < op->ninputs; i++) {
        const graph_value *value = &graph->values[op->inputs[i]];
        if (value->source == VALUE_INPUT) return false;
        if (value->source != VALUE_COMPUTED) continue;
        if (choices[value->producer].device != PLAN_FALLBACK) return false;
        before = true;
    }
    for (uint32_t o = index + 1; o < graph->nops; o++) {
        if (!reads(&graph->ops[o], op)) continue;
        if (choices[o].device != PLAN_FALLBACK) return false;
        after = true;
    }
    return before && after;
}

static void choose(const shunt_plan *plan, choice *choices)
{
    const shunt_graph *graph = plan->graph;
    for (uint32_t o = 0; o < graph->nops; o++) choose_one(plan, &graph->ops[o], &choices[o]);
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t o = 0; o < graph->nops; o++) {
            if (choices[o].device == PLAN_FALLBACK || !cheap(graph, &graph->ops[o]) || !surrounded(graph, choices, o))
                continue;
            choices[o] = (choice){PLAN_FALLBACK, true, "stands between ops that the device refuses"};
            changed = true;
        }
    }
}

/* SHUNT_FALLBACK: error refuses a plan that needs the fallback device, quiet says nothing; else it is said once per plan. */
static shunt_status report_fallback(const shunt_plan *plan, const choice *choices)
{
    const char *mode = shunt_option("fallback");
    const char *selector = plan->executor->devices[PLAN_MAIN]->entry.selector;
    const graph_op *first = NULL;
    const char *reason = "";
    uint32_t count = 0;
    for (uint32_t o = 0; o < plan->graph->nops; o++) {
        if (choices[o].device != PLAN_FALLBACK) continue;
        if (count++ == 0) first = &plan->graph->ops[o], reason = choices[o].refused;
    }
    if (count == 0 || (mode && !strcmp(mode, "quiet"))) return SHUNT_OK;
    if (mode && !strcmp(mode, "error"))
        return shunt_fail(SHUNT_E_UNSUPPORTED,
                          "%s refuses %u of %u ops, the first %s: %s; SHUNT_FALLBACK=warn runs them "
                          "in plain C",
                          selector, count, plan->graph->nops, first->name, reason);
    shunt_log(SHUNT_LOG_WARN, "%s refuses %u of %u ops, which run in plain C; the first is %s: %s", selector, count,
              plan->graph->nops, first->name, reason);
    return SHUNT_OK;
}

/* ---- Building the steps ------------------------------------------------------------------------------------ */

static int32_t add_value(shunt_plan *plan, shunt_value source, int device, const shunt_tensor_desc *desc,
                         bool parameter)
{
    if (!graph_room(&plan->values, &plan->values_room, plan->nvalues, sizeof *plan->values)) return -1;
    int32_t id = (int32_t)plan->nvalues++;
    plan->values[id] =
        (plan_value){.desc = *desc, .source = source, .device = (uint8_t)device, .parameter = parameter, .root = id};
    return id;
}

static plan_step *add_step(shunt_plan *plan, const char *name, int device)
{
    if (!graph_room(&plan->steps, &plan->steps_room, plan->nsteps, sizeof *plan->steps)) return NULL;
    plan_step *step = &plan->steps[plan->nsteps++];
    *step = (plan_step){.name = name, .device = (uint8_t)device};
    return step;
}

enum { ANY = -1 };

static int32_t find_value(const shunt_plan *plan, shunt_value source, int device, int block)
{
    for (uint32_t i = 0; i < plan->nvalues; i++) {
        const plan_value *value = &plan->values[i];
        if (value->source == source && (device == ANY || value->device == device) &&
            (block == ANY || value->desc.block == block))
            return (int32_t)i;
    }
    return -1;
}

static shunt_op_desc reorder_desc(const shunt_tensor_desc *src, uint32_t block)
{
    shunt_op_desc desc = {.kind = SHUNT_OP_REORDER, .ninputs = 1, .noutputs = 1};
    desc.inputs[0] = desc.outputs[0] = *src;
    desc.outputs[0].block = (uint16_t)block;
    return desc;
}

/* A step that makes a copy of plan value `from` on `device`, in layout `block`; one of the two differs. */
static shunt_status add_conversion(shunt_plan *plan, int32_t from, int device, uint32_t block, int32_t *out)
{
    shunt_op_desc desc = reorder_desc(&plan->values[from].desc, block);
    shunt_value source = plan->values[from].source;
    bool transfer = plan->values[from].device != device;
    int32_t to = add_value(plan, source, device, &desc.outputs[0], false);
    plan_step *step = to < 0 ? NULL : add_step(plan, plan->graph->values[source].name, device);
    if (!step) return shunt_fail_memory();
    step->transfer = transfer;
    step->desc = desc;
    step->inputs[0] = from;
    step->outputs[0] = to;
    *out = to;
    return SHUNT_OK;
}

/* Brings the graph's value `source` to `device` in layout `block`, converting what there is. A reorder runs on the
 * fallback device when the value lies there, or when the main device refuses it. */
static shunt_status get_value(shunt_plan *plan, shunt_value source, int device, uint32_t block, int32_t *out)
{
    int32_t have = find_value(plan, source, device, (int)block);
    if (have < 0) have = find_value(plan, source, device, ANY);
    if (have < 0) have = find_value(plan, source, ANY, (int)block);
    if (have < 0) have = find_value(plan, source, ANY, ANY);
    while (plan->values[have].device != device || plan->values[have].desc.block != block) {
        plan_value value = plan->values[have];
        int to_device = device;
        uint32_t to_block = value.desc.block;
        if (value.desc.block != block) {
            shunt_op_desc reorder = reorder_desc(&value.desc, block);
            if (value.device == PLAN_FALLBACK) {
                to_device = PLAN_FALLBACK;
                to_block = block;
            } else if (value.device == device) {
                if (shunt_device_accepts(plan->executor->devices[device], &reorder, NULL, NULL))
                    to_block = block;
                else
                    to_device = PLAN_FALLBACK;
            }
        }
        shunt_status status = shunt_executor_need_device(plan->executor, to_device);
        if (status == SHUNT_OK) status = add_conversion(plan, have, to_device, to_block, &have);
        if (status != SHUNT_OK) return status;
    }
    *out = have;
    return SHUNT_OK;
}

/* An op may read an input in the layout that it already has on the device, saving the reorder (the network's first
 * convolution does), if that costs it no better algorithm. */
static void absorb_reorders(const shunt_plan *plan, const graph_op *op, int device, shunt_op_desc *desc)
{
    char wanted[SHUNT_ALGORITHM_CHARS], got[SHUNT_ALGORITHM_CHARS];
    const shunt_device *target = plan->executor->devices[device];
    for (uint32_t i = 0; i < op->ninputs; i++) {
        if (!varies(plan->graph, op->inputs[i]) || desc->inputs[i].rank != 4) continue;
        uint16_t block = desc->inputs[i].block;
        if (find_value(plan, op->inputs[i], device, block) >= 0) continue;
        int32_t have = find_value(plan, op->inputs[i], device, ANY);
        if (have < 0 || !shunt_device_accepts(target, desc, wanted, NULL)) continue;
        desc->inputs[i].block = plan->values[have].desc.block;
        if (!shunt_device_accepts(target, desc, got, NULL) || strcmp(got, wanted) != 0) desc->inputs[i].block = block;
    }
}

static shunt_status add_outputs(shunt_plan *plan, const graph_op *op, int device, const shunt_op_desc *desc,
                                const int32_t *inputs, int32_t *outputs)
{
    for (uint32_t i = 0; i < op->noutputs; i++) {
        outputs[i] = add_value(plan, op->outputs[i], device, &desc->outputs[i], false);
        if (outputs[i] < 0) return shunt_fail_memory();
        if (i < shunt_op_replaced(op->kind)) plan->values[outputs[i]].root = plan->values[inputs[i]].root;
    }
    return SHUNT_OK;
}

/* What a refused op replaced in a copy on the fallback device goes back to where the state lives. */
static shunt_status bring_back(shunt_plan *plan, const graph_op *op, const int32_t *outputs)
{
    for (uint32_t i = 0; i < shunt_op_replaced(op->kind); i++) {
        int32_t state = find_value(plan, op->inputs[i], PLAN_MAIN, SHUNT_PLAIN);
        if (plan->values[outputs[i]].root == state) continue;
        plan_step *step = add_step(plan, op->name, PLAN_MAIN);
        if (!step) return shunt_fail_memory();
        step->transfer = true;
        step->desc = reorder_desc(&plan->values[state].desc, SHUNT_PLAIN);
        step->inputs[0] = outputs[i];
        step->outputs[0] = state;
    }
    return SHUNT_OK;
}

static shunt_status lower_alias(shunt_plan *plan, const graph_op *op, int device)
{
    int32_t src;
    shunt_status status = get_value(plan, op->inputs[0], device, SHUNT_PLAIN, &src);
    if (status != SHUNT_OK) return status;
    int32_t dst = add_value(plan, op->outputs[0], device, &plan->graph->values[op->outputs[0]].desc, false);
    if (dst < 0) return shunt_fail_memory();
    plan->values[dst].root = plan->values[src].root;
    return SHUNT_OK;
}

static shunt_status lower_op(shunt_plan *plan, const graph_op *op, const choice *chosen)
{
    shunt_status status = shunt_executor_need_device(plan->executor, chosen->device);
    if (status != SHUNT_OK) return status;
    if (is_alias(plan->graph, op)) return lower_alias(plan, op, chosen->device);
    shunt_op_desc desc;
    shunt_graph_op_desc(plan->graph, op, &desc);
    shunt_plan_set_blocks(&desc,
                          chosen->plain ? SHUNT_PLAIN : plan->executor->devices[chosen->device]->entry.info.block);
    absorb_reorders(plan, op, chosen->device, &desc);

    int32_t inputs[SHUNT_MAX_INPUTS], outputs[SHUNT_MAX_OUTPUTS];
    for (uint32_t i = 0; i < op->ninputs; i++) {
        if (varies(plan->graph, op->inputs[i])) {
            status = get_value(plan, op->inputs[i], chosen->device, desc.inputs[i].block, &inputs[i]);
            if (status != SHUNT_OK) return status;
        } else {
            inputs[i] = add_value(plan, op->inputs[i], chosen->device, &desc.inputs[i], true);
            if (inputs[i] < 0) return shunt_fail_memory();
        }
    }
    status = add_outputs(plan, op, chosen->device, &desc, inputs, outputs);
    if (status != SHUNT_OK) return status;
    plan_step *step = add_step(plan, op->name, chosen->device);
    if (!step) return shunt_fail_memory();
    step->desc = desc;
    memcpy(step->inputs, inputs, sizeof inputs[0] * op->ninputs);
    memcpy(step->outputs, outputs, sizeof outputs[0] * op->noutputs);
    memcpy(step->refused, chosen->refused, sizeof step->refused);
    return bring_back(plan, op, outputs);
}

/* Parameters that runs replace live on the main device, whoever reads them. */
static shunt_status add_states(shunt_plan *plan)
{
    for (uint32_t v = 0; v < plan->graph->nvalues; v++) {
        if (!plan->graph->values[v].state) continue;
        int32_t id = add_value(plan, (shunt_value)v, PLAN_MAIN, &plan->graph->values[v].desc, true);
        if (id < 0) return shunt_fail_memory();
        plan->values[id].state = true;
    }
    return SHUNT_OK;
}

/* A graph input is written to the device of its first reader. */
static int first_reader(const shunt_graph *graph, const choice *choices, shunt_value value)
{
    for (uint32_t o = 0; o < graph->nops; o++)
        for (uint32_t i = 0; i < graph->ops[o].ninputs; i++)
            if (graph->ops[o].inputs[i] == value) return choices[o].device;
    return PLAN_MAIN;
}

static shunt_status lower_all(shunt_plan *plan, const choice *choices)
{
    const shunt_graph *graph = plan->graph;
    for (uint32_t i = 0; i < graph->ninputs; i++) {
        shunt_value value = graph->inputs[i];
        int device = first_reader(graph, choices, value);
        shunt_status status = shunt_executor_need_device(plan->executor, device);
        if (status != SHUNT_OK) return status;
        plan->inputs[i] = add_value(plan, value, device, &graph->values[value].desc, false);
        if (plan->inputs[i] < 0) return shunt_fail_memory();
    }
    shunt_status status = add_states(plan);
    if (status != SHUNT_OK) return status;
    for (uint32_t o = 0; o < graph->nops; o++) {
        status = lower_op(plan, &graph->ops[o], &choices[o]);
        if (status != SHUNT_OK) return shunt_fail_context(status, "%s", graph->ops[o].name);
    }
    for (uint32_t i = 0; i < graph->noutputs; i++) {
        shunt_value value = graph->outputs[i].value;
        if (!varies(graph, value))
            return shunt_fail(SHUNT_E_UNSUPPORTED, "output %s is a parameter, not a result", graph->outputs[i].name);
        int device = plan->values[find_value(plan, value, ANY, ANY)].device;
        status = get_value(plan, value, device, SHUNT_PLAIN, &plan->outputs[i]);
        if (status != SHUNT_OK) return status;
    }
    return SHUNT_OK;
}

/* Values of one memory stand as long as the longest of them: none is overwritten in place while another is to be read. */
static void share_lifetimes(shunt_plan *plan)
{
    for (uint32_t v = 0; v < plan->nvalues; v++) {
        plan_value *value = &plan->values[v], *root = &plan->values[value->root];
        if (value->last > root->last) root->last = value->last;
    }
    for (uint32_t v = 0; v < plan->nvalues; v++) {
        plan_value *value = &plan->values[v];
        if (!value->parameter) value->last = plan->values[value->root].last;
    }
}

/* The steps between which every value must stand. */
static void find_lifetimes(shunt_plan *plan)
{
    for (uint32_t v = 0; v < plan->nvalues; v++) plan->values[v].first = plan->values[v].last = -1;
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const plan_step *step = &plan->steps[s];
        for (uint32_t i = 0; i < step->desc.ninputs; i++) plan->values[step->inputs[i]].last = (int32_t)s;
        for (uint32_t i = 0; i < step->desc.noutputs; i++)
            plan->values[step->outputs[i]].first = plan->values[step->outputs[i]].last = (int32_t)s;
    }
    for (uint32_t i = 0; i < plan->graph->noutputs; i++) plan->values[plan->outputs[i]].last = (int32_t)plan->nsteps;
    share_lifetimes(plan);
}

shunt_status shunt_plan_lower(shunt_plan *plan)
{
    const shunt_graph *graph = plan->graph;
    choice *choices = calloc(graph->nops + 1, sizeof *choices);
    plan->inputs = calloc(graph->ninputs + 1, sizeof *plan->inputs);
    plan->outputs = calloc(graph->noutputs + 1, sizeof *plan->outputs);
    shunt_status status = SHUNT_OK;
    if (!choices || !plan->inputs || !plan->outputs)
        status = shunt_fail_memory();
    else {
        choose(plan, choices);
        status = report_fallback(plan, choices);
        if (status == SHUNT_OK) status = lower_all(plan, choices);
        if (status == SHUNT_OK) find_lifetimes(plan);
    }
    free(choices);
    return status;
}
