/* plan_report.c - tells what a plan will do: one row per step, and the totals. */
#include "runtime/plan/exchange.h"
#include "runtime/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KIND_CHARS = sizeof((shunt_executor *)0)->report_kinds[0] };

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t size, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

/* "8x64x56x56 nchw16c" */
static void describe_tensor(const shunt_tensor_desc *desc, char *text, size_t size)
{
    text[0] = '\0';
    for (uint32_t i = 0; i < desc->rank; i++) append(text, size, "%s%lld", i ? "x" : "", (long long)desc->dims[i]);
    if (desc->rank == 4 && desc->block == SHUNT_CHANNELS_LAST)
        append(text, size, " nhwc");
    else if (desc->rank == 4 && desc->block == SHUNT_PLAIN)
        append(text, size, " nchw");
    else if (desc->rank == 4)
        append(text, size, " nchw%uc", desc->block);
    if (desc->dtype != SHUNT_F32) append(text, size, " %s", shunt_dtype_name(desc->dtype));
}

/* "conv 53 opencl:0; softmax -> scalar:0 (kind not known)" */
static void describe_placement(const graph_plan *plan, char *text, size_t size)
{
    uint32_t on_main = 0, transfers = 0;
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        if (plan->steps[s].transfer)
            transfers++;
        else if (plan_has_op(&plan->steps[s]) && plan->steps[s].device == PLAN_MAIN)
            on_main++;
    }
    size_t used =
        (size_t)snprintf(text, size, "%u ops on %s", on_main, plan->executor->devices[PLAN_MAIN]->entry.selector);
    for (uint32_t s = 0; s < plan->nsteps && used < size; s++) {
        const plan_step *step = &plan->steps[s];
        char kind[KIND_CHARS], said[KIND_CHARS + 8];
        if (step->device != PLAN_FALLBACK || !plan_has_op(step) || !step->refused[0]) continue;
        snprintf(said, sizeof said, "; %s -> ", op_label(step->desc.kind, step->desc.flags, kind, sizeof kind));
        if (strstr(text, said)) continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", said,
                                 plan->executor->devices[PLAN_FALLBACK]->entry.selector);
    }
    if (transfers && used < size) used += (size_t)snprintf(text + used, size - used, "; %u transfers", transfers);
    uint32_t packs = 0, sums = 0;
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        packs += plan->steps[s].joined[PLAN_PACKS] != NULL;
        sums += plan->steps[s].joined[PLAN_SUMS] != NULL;
    }
    if (packs) append(text, size, "; %u weights packed at %u steps", plan->joints[PLAN_PACKS].count, packs);
    if (sums) append(text, size, "; %u gradients added up at %u steps", plan->joints[PLAN_SUMS].count, sums);
}

static void describe_step(const graph_plan *plan, const plan_step *step, char *kind, shunt_step *out)
{
    if (step->transfer)
        snprintf(kind, KIND_CHARS, "transfer");
    else if (step->exchange)
        snprintf(kind, KIND_CHARS, "%s", exchange_label(step));
    else
        op_label(step->desc.kind, step->desc.flags, kind, KIND_CHARS);
    *out = (shunt_step){.name = step->name,
                        .kind = kind,
                        .device = plan->executor->devices[step->device]->entry.selector,
                        .algorithm = step->info.algorithm,
                        .params = step->info.params,
                        .refused = step->refused[0] ? step->refused : NULL,
                        .flops = plan_has_op(step) ? op_flops(&step->desc) : 0,
                        .bytes = op_bytes(&step->desc),
                        .workspace = step->info.workspace,
                        .nanoseconds = step->nanoseconds};
    describe_tensor(&step->desc.inputs[0], out->src, sizeof out->src);
    describe_tensor(&step->desc.outputs[0], out->dst, sizeof out->dst);
}

shunt_status plan_describe(graph_plan *plan)
{
    shunt_executor *executor = plan->executor;
    shunt_step *steps = calloc(plan->nsteps + 1, sizeof *steps);
    const shunt_step **list = calloc(plan->nsteps + 1, sizeof *list);
    char(*kinds)[KIND_CHARS] = calloc(plan->nsteps + 1, sizeof *kinds);
    if (!steps || !list || !kinds) {
        free(steps);
        free(list);
        free(kinds);
        return error_memory();
    }
    free(executor->report_steps);
    free(executor->report_list);
    free(executor->report_kinds);
    executor->report_steps = steps;
    executor->report_list = list;
    executor->report_kinds = kinds;
    shunt_plan_report *report = &executor->report;
    *report = (shunt_plan_report){.steps = list, .nsteps = plan->nsteps, .precision = shunt_dtype_name(plan->dtype)};
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        describe_step(plan, &plan->steps[s], kinds[s], &steps[s]);
        list[s] = &steps[s];
        report->flops += steps[s].flops;
    }
    for (int d = 0; d < PLAN_DEVICES; d++) {
        report->activation_bytes += plan->arenas[d].bytes * plan->nstreams;
        report->workspace_bytes += plan->arenas[d].workspace;
    }
    for (uint32_t v = 0; v < plan->nvalues; v++)
        if (plan->values[v].flat && !plan->values[v].state)
            report->update_bytes += shunt_tensor_bytes(&plan->values[v].desc);
    for (uint32_t p = 0; p < executor->nparameters; p++) report->weight_bytes += executor->parameters[p].bytes;
    describe_placement(plan, report->placement, sizeof report->placement);
    return SHUNT_OK;
}

/* ---- Precision --------------------------------------------------------------------------------------------------- */

static const graph_plan *usual_plan(const shunt_executor *executor)
{
    const graph_plan *usual = NULL;
    for (int p = 0; p < EXECUTOR_MAX_PLANS; p++) {
        const graph_plan *plan = executor->plans[p];
        const bool more =
            plan && usual && (plan->runs != usual->runs ? plan->runs > usual->runs : plan->last_use > usual->last_use);
        if (plan && (!usual || more)) usual = plan;
    }
    return usual;
}

static const char *reason_of(const graph_plan *plan)
{
    const precision_wish *wish = &plan->executor->precision;
    if (wish->fast) return plan->reason;
    if (plan->dtype != wish->dtype) return "runs overflow f16, and are repeated in f32";
    return wish->is_default ? "the default" : "as asked";
}

shunt_status shunt_executor_precision(const shunt_executor *executor, shunt_precision *out)
{
    if (!executor || !out) return error_null(__func__, "executor, out");
    const graph_plan *plan = usual_plan(executor);
    if (!plan) return error_fail(SHUNT_E_NOT_FOUND, "the executor has no plan yet: run or prepare it first");
    *out = (shunt_precision){precision_asked(&executor->precision), shunt_dtype_name(plan->dtype), reason_of(plan)};
    return SHUNT_OK;
}
