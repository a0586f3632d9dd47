/* prepare.c - turns each step's description into an op of its backend, with its parameters in place. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"
#include "runtime/tune/tune.h"

#include <stdio.h>
#include <stdlib.h>

/* After the best guess: the first other candidate that can be prepared. A driver may fail to compile one kernel and yet do
 * the next; it is said, since it costs speed. */
static shunt_status make_another(graph_plan *plan, const shunt_prepare_options *options, plan_step *step)
{
    const shunt_device *device = plan->executor->devices[step->device];
    char why[256];
    snprintf(why, sizeof why, "%s", shunt_last_error());
    const plan_answer *answer = plan_ask(plan, step->device, &step->desc);
    for (uint32_t i = 1; i < answer->ncandidates; i++) {
        shunt_prepare_options other = *options;
        other.algorithm = answer->candidates[i].algorithm;
        other.params = answer->candidates[i].params;
        if (device->ops->op_prepare(device->handle, &step->desc, &other, &step->op) != SHUNT_OK) continue;
        log_write(SHUNT_LOG_WARN, "%s: %s %s replaces the best guess: %s", step->name, other.algorithm, other.params,
                  why);
        return SHUNT_OK;
    }
    return error_fail(SHUNT_E_DEVICE, "%s", why);
}

/* What a step's op is asked for: the tuned choice, if there is one, else the best guess. */
typedef struct wish {
    shunt_prepare_options options; /* names the choice, if tuned */
    tune_choice choice;
    bool tuned;
} wish;

static void make_wish(graph_plan *plan, const plan_step *step, wish *out)
{
    const shunt_device *device = plan->executor->devices[step->device];
    const tune_op op = plan_tune_op(plan, step);
    out->options = (shunt_prepare_options){.size = sizeof out->options,
                                           .memory_limit = device->entry.info.max_alloc,
                                           .ahead_inputs = plan_ahead_inputs(plan, step),
                                           .later_outputs = plan_later_outputs(plan, step)};
    out->tuned = tune_choose(&op, &out->choice);
    if (!out->tuned) return;
    out->options.algorithm = out->choice.algorithm;
    out->options.params = out->choice.params;
}

/* Makes the step's op with the tuned choice, if that can be prepared (still); else with the best guess. */
static shunt_status make_op(graph_plan *plan, plan_step *step, const wish *wished)
{
    const shunt_device *device = plan->executor->devices[step->device];
    shunt_prepare_options options = wished->options;
    shunt_status status = device->ops->op_prepare(device->handle, &step->desc, &options, &step->op);
    if (status == SHUNT_OK) return SHUNT_OK;
    device_fail(device, status, "preparing");
    if (wished->tuned) {
        tune_choice_failed(&wished->choice);
        options.algorithm = options.params = NULL;
        status = device->ops->op_prepare(device->handle, &step->desc, &options, &step->op);
        if (status == SHUNT_OK) return SHUNT_OK;
        device_fail(device, status, "preparing");
    }
    return status == SHUNT_E_DEVICE ? make_another(plan, &options, step) : status;
}

static shunt_status prepare_step(graph_plan *plan, plan_step *step, const wish *wished)
{
    const shunt_device *device = plan->executor->devices[step->device];
    char kind[48];
    shunt_status status = make_op(plan, step, wished);
    if (status == SHUNT_OK) {
        status = device_op_info(device, step->op, &step->info);
    } else {
        step->op = NULL;
    }
    if (status != SHUNT_OK) {
        return error_context(status, "%s (%s)", step->name,
                             op_label(step->desc.kind, step->desc.flags, kind, sizeof kind));
    }
    for (uint32_t i = 0; i < step->desc.ninputs; i++) {
        const plan_value *value = &plan->values[step->inputs[i]];
        if (!value->parameter || value->state) continue;
        status = parameter_place(plan, step, i, &step->parameters[i]);
        if (status != SHUNT_OK)
            return error_context(status, "%s", plan->graph->values[plan->values[step->inputs[i]].source].name);
    }
    return SHUNT_OK;
}

static shunt_status place_states(graph_plan *plan)
{
    for (uint32_t v = 0; v < plan->nvalues; v++) {
        plan_value *value = &plan->values[v];
        if (!value->state || value->root != (int32_t)v) continue; /* a part of another has no place of its own */
        shunt_status status = parameter_place_state(plan, value->source, &value->arg);
        if (status != SHUNT_OK) return error_context(status, "%s", plan->graph->values[value->source].name);
    }
    return SHUNT_OK;
}

/* Tells a device what it will be asked to prepare. */
static void foresee(graph_plan *plan, int which, const wish *wishes, const shunt_op_desc **descs,
                    const shunt_prepare_options **options)
{
    const shunt_device *device = plan->executor->devices[which];
    uint32_t count = 0;
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        if (!plan_has_op(&plan->steps[s]) || plan->steps[s].device != which) continue;
        descs[count] = &plan->steps[s].desc;
        options[count++] = &wishes[s].options;
    }
    if (count > 0 && device->ops->foresee) device->ops->foresee(device->handle, descs, options, count);
}

static shunt_status make_wishes(graph_plan *plan, wish *wishes)
{
    const shunt_op_desc **descs = calloc(plan->nsteps, sizeof *descs);
    const shunt_prepare_options **options = calloc(plan->nsteps, sizeof *options);
    for (uint32_t s = 0; s < plan->nsteps; s++)
        if (plan_has_op(&plan->steps[s])) make_wish(plan, &plan->steps[s], &wishes[s]);
    for (int which = 0; which < PLAN_DEVICES && descs && options; which++) foresee(plan, which, wishes, descs, options);
    const shunt_status status = descs && options ? SHUNT_OK : error_memory();
    free(descs);
    free(options);
    return status;
}

static shunt_status prepare_steps(graph_plan *plan, wish *wishes)
{
    uint32_t total = 0, done = 0;
    for (uint32_t s = 0; s < plan->nsteps; s++) total += plan_has_op(&plan->steps[s]);
    plan_tell_prepared(0, total);
    shunt_status status = make_wishes(plan, wishes);
    for (uint32_t s = 0; s < plan->nsteps && status == SHUNT_OK; s++) {
        if (!plan_has_op(&plan->steps[s])) continue;
        status = prepare_step(plan, &plan->steps[s], &wishes[s]);
        if (status == SHUNT_OK) status = plan_note_packs(plan, s);
        if (status == SHUNT_OK) status = plan_note_sums(plan, s);
        if (++done < total) plan_tell_prepared(done, total);
    }
    plan_tell_prepared(total, total);
    return status;
}

shunt_status plan_prepare(graph_plan *plan)
{
    shunt_status status = place_states(plan);
    if (status != SHUNT_OK || plan->nsteps == 0) return status;
    wish *wishes = calloc(plan->nsteps, sizeof *wishes);
    status = wishes ? prepare_steps(plan, wishes) : error_memory();
    free(wishes);
    return status;
}
