/* lower.c - the steps of a plan: each op in its types and its layout, and transfers, reorders and casts where two ops disagree. */
#include "runtime/plan/exchange.h"
#include "runtime/base/error.h"
#include "runtime/graph/ops/ops.h"

#include <stdlib.h>
#include <string.h>

/* Values that change from run to run live in one buffer, shared by all readers. */
static bool varies(const shunt_graph *graph, shunt_value value)
{
    const graph_value *v = &graph->values[value];
    return v->source == VALUE_INPUT || v->source == VALUE_COMPUTED || v->source == VALUE_FLAT || v->state;
}

plan_step *plan_add_step(graph_plan *plan, const char *name, int device)
{
    if (!graph_room(&plan->steps, &plan->steps_room, plan->nsteps, sizeof *plan->steps)) return NULL;
    plan_step *step = &plan->steps[plan->nsteps++];
    *step = (plan_step){.name = name, .device = (uint8_t)device};
    return step;
}

enum { ANY = -1 };

static int32_t find_value(const graph_plan *plan, shunt_value source, int device, int dtype, int block)
{
    for (uint32_t i = 0; i < plan->nvalues; i++) {
        const plan_value *value = &plan->values[i];
        if (value->source == source && (device == ANY || value->device == device) &&
            (dtype == ANY || value->desc.dtype == dtype) && (block == ANY || value->desc.block == block))
            return (int32_t)i;
    }
    return -1;
}

/* What the value has become first: as it was computed, or is given. */
static const plan_value *original(const graph_plan *plan, shunt_value source)
{
    return &plan->values[find_value(plan, source, ANY, ANY, ANY)];
}

/* A part of a flat value lies in it, where that is; copies elsewhere or in other layouts have memory of their own. */
int32_t plan_add_value(graph_plan *plan, shunt_value source, int device, const shunt_tensor_desc *desc, bool parameter)
{
    if (!graph_room(&plan->values, &plan->values_room, plan->nvalues, sizeof *plan->values)) return -1;
    int32_t id = (int32_t)plan->nvalues++;
    plan->values[id] =
        (plan_value){.desc = *desc, .source = source, .device = (uint8_t)device, .parameter = parameter, .root = id};
    if (source == SHUNT_NO_VALUE) return id;
    const graph_value *value = &plan->graph->values[source];
    if (value->flat != SHUNT_NO_VALUE && device == PLAN_MAIN && desc->block == SHUNT_PLAIN &&
        desc->dtype == value->desc.dtype) {
        plan->values[id].root = find_value(plan, value->flat, PLAN_MAIN, ANY, SHUNT_PLAIN);
        plan->values[id].offset = value->flat_at;
    }
    return id;
}

static shunt_op_desc reorder_desc(const shunt_tensor_desc *src, uint32_t block)
{
    shunt_op_desc desc = {.kind = SHUNT_OP_REORDER, .ninputs = 1, .noutputs = 1};
    desc.inputs[0] = desc.outputs[0] = *src;
    desc.outputs[0].block = (uint16_t)block;
    return desc;
}

static shunt_op_desc cast_desc(const shunt_tensor_desc *src, uint8_t dtype)
{
    shunt_op_desc desc = {.kind = SHUNT_OP_CAST, .ninputs = 1, .noutputs = 1, .attr.cast.dtype = dtype};
    desc.inputs[0] = desc.outputs[0] = *src;
    desc.outputs[0].dtype = dtype;
    return desc;
}

/* A step that makes a copy of plan value `from` on `device`, by this op; on another device the op is that of a copy. */
static shunt_status add_conversion(graph_plan *plan, int32_t from, int device, const shunt_op_desc *desc, int32_t *out)
{
    shunt_value source = plan->values[from].source;
    shunt_status status = executor_need_device(plan->executor, device);
    if (status != SHUNT_OK) return status;
    int32_t to = plan_add_value(plan, source, device, &desc->outputs[0], false);
    plan_step *step = to < 0 ? NULL : plan_add_step(plan, plan->graph->values[source].name, device);
    if (!step) return error_memory();
    step->transfer = plan->values[from].device != device;
    step->desc = *desc;
    step->inputs[0] = from;
    step->outputs[0] = to;
    *out = to;
    return SHUNT_OK;
}

/* The ops that bring `have` nearer to a type and a layout, the better one first: the layout changes while the elements are
 * narrow. Returns how many. */
static uint32_t conversions(const shunt_tensor_desc *have, uint8_t dtype, uint32_t block, shunt_op_desc ops[2])
{
    const bool narrows = shunt_dtype_bytes(dtype) < shunt_dtype_bytes(have->dtype);
    uint32_t count = 0;
    if (have->dtype != dtype && narrows) ops[count++] = cast_desc(have, dtype);
    if (have->block != block) ops[count++] = reorder_desc(have, block);
    if (have->dtype != dtype && !narrows) ops[count++] = cast_desc(have, dtype);
    return count;
}

/* One step from plan value *have towards `device` and this type and layout. Conversions run on the fallback device when the
 * value lies there, or when the main device refuses them. */
static shunt_status convert_once(graph_plan *plan, int device, uint8_t dtype, uint32_t block, int32_t *have)
{
    const plan_value value = plan->values[*have];
    const shunt_op_desc copy = reorder_desc(&value.desc, value.desc.block);
    shunt_op_desc ops[2];
    const uint32_t count = conversions(&value.desc, dtype, block, ops);
    if (count == 0 || (value.device != PLAN_FALLBACK && value.device != device))
        return add_conversion(plan, *have, device, &copy, have);
    for (uint32_t i = 0; i < count; i++)
        if (value.device == PLAN_FALLBACK || plan_ask(plan, device, &ops[i])->ncandidates)
            return add_conversion(plan, *have, value.device, &ops[i], have);
    return add_conversion(plan, *have, PLAN_FALLBACK, &copy, have);
}

/* Brings the graph's value `source` to `device` in this type and layout, converting what there is: what has the type, first. */
static shunt_status get_value(graph_plan *plan, shunt_value source, int device, uint8_t dtype, uint32_t block,
                              int32_t *out)
{
    const int types[] = {dtype, ANY};
    int32_t have = -1;
    for (int t = 0; t < 2 && have < 0; t++) {
        have = find_value(plan, source, device, types[t], (int)block);
        if (have < 0) have = find_value(plan, source, device, types[t], ANY);
        if (have < 0) have = find_value(plan, source, ANY, types[t], (int)block);
        if (have < 0) have = find_value(plan, source, ANY, types[t], ANY);
    }
    shunt_status status = SHUNT_OK;
    while (status == SHUNT_OK && (plan->values[have].device != device || plan->values[have].desc.dtype != dtype ||
                                  plan->values[have].desc.block != block))
        status = convert_once(plan, device, dtype, block, &have);
    *out = have;
    return status;
}

/* An op may read an input in the layout that it already has on the device, saving the reorder (the network's first
 * convolution does), if that costs it no better algorithm. */
static void absorb_reorders(graph_plan *plan, const graph_op *op, int device, shunt_op_desc *desc)
{
    for (uint32_t i = 0; i < op->ninputs; i++) {
        if (!varies(plan->graph, op->inputs[i]) || desc->inputs[i].rank != 4) continue;
        const uint16_t block = desc->inputs[i].block;
        const uint8_t dtype = desc->inputs[i].dtype;
        if (find_value(plan, op->inputs[i], device, dtype, block) >= 0) continue;
        int32_t have = find_value(plan, op->inputs[i], device, dtype, ANY);
        if (have < 0) have = find_value(plan, op->inputs[i], device, ANY, ANY); /* a cast keeps the layout */
        if (have < 0) continue;
        const plan_answer *wanted = plan_ask(plan, device, desc);
        if (!wanted->ncandidates) continue;
        desc->inputs[i].block = plan->values[have].desc.block;
        const plan_answer *got = plan_ask(plan, device, desc);
        if (!got->ncandidates || strcmp(got->candidates[0].algorithm, wanted->candidates[0].algorithm))
            desc->inputs[i].block = block;
    }
}

static shunt_status add_outputs(graph_plan *plan, const graph_op *op, int device, const shunt_op_desc *desc,
                                const int32_t *inputs, int32_t *outputs)
{
    for (uint32_t i = 0; i < op->noutputs; i++) {
        outputs[i] = plan_add_value(plan, op->outputs[i], device, &desc->outputs[i], false);
        if (outputs[i] < 0) return error_memory();
        if (i < op_replaced(op->kind) || (!i && op_overwrites(op->kind))) plan_share(plan, outputs[i], inputs[i]);
    }
    return SHUNT_OK;
}

/* Whether an op behind number `at` of the graph reads the value, or a caller does. */
static bool is_read_behind(const shunt_graph *graph, shunt_value value, uint32_t at)
{
    for (uint32_t o = at + 1; o < graph->nops; o++)
        for (uint32_t i = 0; i < graph->ops[o].ninputs; i++)
            if (graph->ops[o].inputs[i] == value) return true;
    for (uint32_t i = 0; i < graph->noutputs; i++)
        if (graph->outputs[i].value == value) return true;
    return false;
}

/* A convolution of 16-bit data may read an input of the graph in float32, as it is, if that costs it no better algorithm, and
 * if nobody else needs it rounded. */
static void absorb_cast(graph_plan *plan, const graph_op *op, int device, shunt_op_desc *desc)
{
    const shunt_value src = op->inputs[0];
    const uint8_t dtype = desc->inputs[0].dtype;
    if (op->kind != SHUNT_OP_CONV || shunt_dtype_bytes(dtype) != 2 || plan->graph->values[src].source != VALUE_INPUT ||
        find_value(plan, src, device, dtype, ANY) >= 0 ||
        is_read_behind(plan->graph, src, (uint32_t)(op - plan->graph->ops)))
        return;
    const int32_t have = find_value(plan, src, device, SHUNT_F32, ANY);
    const plan_answer *rounded = plan_ask(plan, device, desc);
    if (have < 0 || !rounded->ncandidates) return;
    shunt_op_desc wide = *desc;
    wide.flags |= SHUNT_FLAG_WIDE_SRC;
    wide.inputs[0] = plan->values[have].desc;
    const plan_answer *got = plan_ask(plan, device, &wide);
    if (got->ncandidates && !strcmp(got->candidates[0].algorithm, rounded->candidates[0].algorithm)) *desc = wide;
}

/* That nobody needs what an op is about to overwrite: no value in that memory is an input or is read later. */
static shunt_status check_overwritten(const graph_plan *plan, uint32_t at, int32_t memory)
{
    const plan_value *values = plan->values;
    bool needed = values[memory].parameter;
    for (uint32_t v = 0; v < plan->nvalues && !needed; v++)
        needed = values[v].root == values[memory].root &&
                 (values[v].input || is_read_behind(plan->graph, values[v].source, at));
    if (!needed) return SHUNT_OK;
    return error_fail(SHUNT_E_UNSUPPORTED, "it works in the memory of its input, which is needed behind it");
}

/* What a refused op replaced in a copy on the fallback device goes back to where the state lives. */
static shunt_status return_state(graph_plan *plan, const graph_op *op, const int32_t *outputs)
{
    for (uint32_t i = 0; i < op_replaced(op->kind); i++) {
        int32_t state = find_value(plan, op->inputs[i], PLAN_MAIN, ANY, SHUNT_PLAIN);
        if (plan->values[outputs[i]].root == plan->values[state].root) continue;
        plan_step *step = plan_add_step(plan, op->name, PLAN_MAIN);
        if (!step) return error_memory();
        step->transfer = true;
        step->desc = reorder_desc(&plan->values[state].desc, SHUNT_PLAIN);
        step->inputs[0] = outputs[i];
        step->outputs[0] = state;
    }
    return SHUNT_OK;
}

static shunt_status lower_alias(graph_plan *plan, const graph_op *op, int device)
{
    int32_t src;
    shunt_tensor_desc desc = plan->graph->values[op->outputs[0]].desc;
    desc.dtype = original(plan, op->inputs[0])->desc.dtype;
    shunt_status status = get_value(plan, op->inputs[0], device, desc.dtype, SHUNT_PLAIN, &src);
    if (status != SHUNT_OK) return status;
    int32_t dst = plan_add_value(plan, op->outputs[0], device, &desc, false);
    if (dst < 0) return error_memory();
    plan_share(plan, dst, src);
    return SHUNT_OK;
}

shunt_status plan_gather_parts(graph_plan *plan, shunt_value flat)
{
    for (uint32_t v = 0; v < plan->graph->nvalues; v++) {
        int32_t part;
        if (plan->graph->values[v].flat != flat) continue;
        const uint8_t dtype = plan->graph->values[v].desc.dtype;
        shunt_status status = get_value(plan, (shunt_value)v, PLAN_MAIN, dtype, SHUNT_PLAIN, &part);
        if (status != SHUNT_OK) return status;
    }
    return SHUNT_OK;
}

shunt_status plan_get_plain(graph_plan *plan, shunt_value source, int32_t *out)
{
    return get_value(plan, source, PLAN_MAIN, plan->graph->values[source].desc.dtype, SHUNT_PLAIN, out);
}

/* Input `index` of an op, where and as the op wants it. */
static shunt_status lower_input(graph_plan *plan, const graph_op *op, uint32_t index, int device,
                                const shunt_tensor_desc *desc, int32_t *out)
{
    const shunt_value source = op->inputs[index];
    const bool shared = plan->executor->ranks && !op_kind_of(op->kind)->unshared;
    if (!varies(plan->graph, source)) {
        *out = plan_add_value(plan, source, device, desc, true);
        return *out < 0 ? error_memory() : SHUNT_OK;
    }
    if (plan->graph->values[source].source != VALUE_FLAT)
        return get_value(plan, source, device, desc->dtype, desc->block, out);
    shunt_status status = plan_gather_parts(plan, source);
    if (status != SHUNT_OK) return status;
    return shared ? share_piece(plan, source, desc, out)
                  : get_value(plan, source, device, desc->dtype, desc->block, out);
}

/* Copies of what an op replaces, where this one follows an op that has done so: they hold what it was before. */
static void forget_copies(graph_plan *plan, const graph_op *op)
{
    for (uint32_t i = 0; i < op_replaced(op->kind); i++) {
        const int32_t state = find_value(plan, op->inputs[i], PLAN_MAIN, ANY, SHUNT_PLAIN);
        for (uint32_t v = 0; v < plan->nvalues; v++)
            if (plan->values[v].source == op->inputs[i] && plan->values[v].root != plan->values[state].root)
                plan->values[v].source = SHUNT_NO_VALUE;
    }
}

/* *out: the op's step; NULL: it needs none. It lives until the next step is added. */
static shunt_status lower_op(graph_plan *plan, const graph_op *op, const plan_place *place, const plan_step **out)
{
    *out = NULL;
    shunt_status status = executor_need_device(plan->executor, place->device);
    if (status != SHUNT_OK) return status;
    if (graph_is_alias(plan->graph, op)) return lower_alias(plan, op, place->device);
    shunt_op_desc desc;
    graph_op_desc(plan->graph, op, &desc);
    share_cut(plan, op, &desc);
    plan_set_types(&desc, place->dtype);
    plan_set_blocks(&desc, plan->executor->devices[place->device], place->plain);
    absorb_cast(plan, op, place->device, &desc);
    absorb_reorders(plan, op, place->device, &desc);
    if (op_kind_of(op->kind)->follows) forget_copies(plan, op);

    int32_t inputs[SHUNT_MAX_INPUTS], outputs[SHUNT_MAX_OUTPUTS];
    for (uint32_t i = 0; i < op->ninputs; i++) {
        status = lower_input(plan, op, i, place->device, &desc.inputs[i], &inputs[i]);
        if (status != SHUNT_OK) return status;
    }
    if (op_overwrites(op->kind)) status = check_overwritten(plan, (uint32_t)(op - plan->graph->ops), inputs[0]);
    if (status == SHUNT_OK) status = add_outputs(plan, op, place->device, &desc, inputs, outputs);
    if (status != SHUNT_OK) return status;
    const uint32_t at = plan->nsteps;
    plan_step *step = plan_add_step(plan, op->name, place->device);
    if (!step) return error_memory();
    step->desc = desc;
    step->when = op->when;
    memcpy(step->inputs, inputs, sizeof inputs[0] * op->ninputs);
    memcpy(step->outputs, outputs, sizeof outputs[0] * op->noutputs);
    memcpy(step->refused, place->refused, sizeof step->refused);
    status = return_state(plan, op, outputs);
    *out = &plan->steps[at];
    return status;
}

/* What is there from run to run lives on the main device, whoever reads it: flat values, then parameters that runs replace. */
static shunt_status add_lasting(graph_plan *plan, bool flat)
{
    for (uint32_t v = 0; v < plan->graph->nvalues; v++) {
        const graph_value *value = &plan->graph->values[v];
        if ((value->source == VALUE_FLAT) != flat || (!flat && !value->state)) continue;
        int32_t id = plan_add_value(plan, (shunt_value)v, PLAN_MAIN, &value->desc, value->state);
        if (id < 0) return error_memory();
        plan->values[id].flat = flat;
        plan->values[id].state = value->state;
    }
    return SHUNT_OK;
}

/* A graph input is written to the device of its first reader. */
static int first_reader(const shunt_graph *graph, const plan_place *places, shunt_value value)
{
    for (uint32_t o = 0; o < graph->nops; o++)
        for (uint32_t i = 0; i < graph->ops[o].ninputs; i++)
            if (graph->ops[o].inputs[i] == value) return places[o].device;
    return PLAN_MAIN;
}

static shunt_status lower_all(graph_plan *plan, const plan_place *places)
{
    const shunt_graph *graph = plan->graph;
    for (uint32_t i = 0; i < graph->ninputs; i++) {
        shunt_value value = graph->inputs[i];
        int device = first_reader(graph, places, value);
        shunt_status status = executor_need_device(plan->executor, device);
        if (status != SHUNT_OK) return status;
        plan->inputs[i] = plan_add_value(plan, value, device, &graph->values[value].desc, false);
        if (plan->inputs[i] < 0) return error_memory();
        plan->values[plan->inputs[i]].input = true;
    }
    shunt_status status = add_lasting(plan, true);
    if (status == SHUNT_OK) status = add_lasting(plan, false);
    if (status != SHUNT_OK) return status;
    for (uint32_t o = 0; o < graph->nops; o++) {
        const plan_step *step;
        status = lower_op(plan, &graph->ops[o], &places[o], &step);
        if (status == SHUNT_OK) status = share_after(plan, o, step);
        if (status != SHUNT_OK) return error_context(status, "%s", graph->ops[o].name);
    }
    for (uint32_t i = 0; i < graph->noutputs; i++) {
        shunt_value value = graph->outputs[i].value;
        if (!varies(graph, value))
            return error_fail(SHUNT_E_UNSUPPORTED, "output %s is a parameter, not a result", graph->outputs[i].name);
        const uint8_t dtype = graph->values[value].desc.dtype;
        status = get_value(plan, value, original(plan, value)->device, dtype, SHUNT_PLAIN, &plan->outputs[i]);
        if (status != SHUNT_OK) return status;
    }
    return share_end(plan);
}

shunt_status plan_lower(graph_plan *plan)
{
    const shunt_graph *graph = plan->graph;
    plan_place *places = calloc(graph->nops + 1, sizeof *places);
    plan->inputs = calloc(graph->ninputs + 1, sizeof *plan->inputs);
    plan->outputs = calloc(graph->noutputs + 1, sizeof *plan->outputs);
    shunt_status status = SHUNT_OK;
    if (!places || !plan->inputs || !plan->outputs)
        status = error_memory();
    else {
        plan_place_ops(plan, places);
        status = plan_report_fallback(plan, places);
        if (status == SHUNT_OK) plan_report_wide(plan, places);
        if (status == SHUNT_OK) status = lower_all(plan, places);
        if (status == SHUNT_OK) plan_find_lifetimes(plan);
    }
    free(places);
    return status;
}
