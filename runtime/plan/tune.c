/* tune.c - tunes the distinct ops of a network's plans, without making the plans themselves; then, where it is asked for, times the
 * whole network in each type. */
#include "runtime/base/error.h"
#include "runtime/base/sized.h"
#include "runtime/plan/plan.h"
#include "runtime/tune/tune.h"

#include <stdlib.h>
#include <string.h>

/* An op to tune: the first of the steps that are the same. */
typedef struct tune_item {
    const plan_step *step;
    tune_op op;
    uint32_t uses;
} tune_item;

typedef struct tune_list {
    tune_item *items;
    uint32_t count;
    shunt_tune_event event; /* its totals */
} tune_list;

static bool is_done(const shunt_op_desc *desc, const shunt_tune_options *options)
{
    char key[TUNE_KEY_CHARS];
    tune_op_key(desc, key);
    for (uint32_t i = 0; i < options->ndone; i++)
        if (!strcmp(options->done[i], key)) return true;
    return false;
}

static bool tuned_enough(const tune_op *op, const shunt_tune_options *options)
{
    tune_choice known;
    tune_effort wanted = options->safe_only ? EFFORT_SAFE : options->full ? EFFORT_FULL : EFFORT_FAST;
    if (options->retry) return is_done(op->desc, options);
    return tune_find_own(op->device, op->desc, &known) && known.effort >= wanted && tune_may_use(op, &known);
}

/* Puts a step on the list, unless it is there, has no choice of algorithms, or runs elsewhere. */
static void add_step(tune_list *list, graph_plan *plan, const plan_step *step)
{
    if (!plan_has_op(step) || step->device != PLAN_MAIN) return;
    for (uint32_t i = 0; i < list->count; i++)
        if (!memcmp(&list->items[i].step->desc, &step->desc, sizeof step->desc)) {
            list->items[i].uses++;
            return;
        }
    const tune_op op = plan_tune_op(plan, step);
    if (op.ncandidates >= 2) list->items[list->count++] = (tune_item){step, op, 1};
}

static shunt_status tune_items(tune_list *list, const shunt_tune_options *options)
{
    tune_search search = {.full = options->full,
                          .safe_only = options->safe_only,
                          .force = options->force,
                          .watched = options->watched,
                          .handler = options->handler,
                          .context = options->context};
    shunt_candidate candidates[SHUNT_MAX_CANDIDATES];
    list->event.ops = list->count;
    for (uint32_t i = 0; i < list->count; i++) {
        const tune_op *op = &list->items[i].op;
        if (tuned_enough(op, options)) {
            list->event.known++;
            list->items[i].uses = 0; /* nothing to do */
        } else {
            list->event.trials += tune_candidates(op, search.full, search.safe_only, candidates);
        }
    }
    list->event.stage = SHUNT_TUNE_START;
    if (options->handler) options->handler(options->context, &list->event);
    for (uint32_t i = 0; i < list->count; i++) {
        shunt_tune_event event = list->event;
        event.name = list->items[i].step->name;
        event.uses = list->items[i].uses;
        if (!event.uses) continue;
        shunt_status status = tune_search_op(&list->items[i].op, &search, &event, NULL);
        if (status == SHUNT_E_NOT_FOUND || status == SHUNT_E_UNSUPPORTED)
            log_write(SHUNT_LOG_WARN, "%s", shunt_last_error());
        else if (status != SHUNT_OK)
            return error_context(status, "%s", event.name);
    }
    return SHUNT_OK;
}

/* The types that plans of the executor may have. */
static uint32_t list_types(const shunt_executor *executor, uint8_t types[1 + TUNE_TYPES])
{
    static const uint8_t all[] = {SHUNT_F32, SHUNT_F16, SHUNT_BF16};
    const shunt_device_info *info = &executor->devices[PLAN_MAIN]->entry.info;
    const bool several = executor->precision.fast && !graph_trains(executor->graph);
    uint32_t count = 0;
    if (!several) types[count++] = executor->precision.dtype;
    for (uint32_t i = 0; several && i < sizeof all; i++)
        if (shunt_device_takes(info, all[i])) types[count++] = all[i];
    return count;
}

static shunt_status tune_plans(graph_plan *const *plans, uint32_t count, const shunt_tune_options *options)
{
    uint32_t steps = 0;
    for (uint32_t p = 0; p < count; p++) steps += plans[p]->nsteps;
    tune_list list = {.items = calloc(steps + 1, sizeof *list.items)};
    if (!list.items) return error_memory();
    const shunt_device *device = plans[0]->executor->devices[PLAN_MAIN];
    shunt_status status = options->retry == 1 ? tune_journal_retry(device) : SHUNT_OK;
    for (uint32_t p = 0; p < count; p++)
        for (uint32_t s = 0; s < plans[p]->nsteps; s++) add_step(&list, plans[p], &plans[p]->steps[s]);
    if (status == SHUNT_OK) status = tune_items(&list, options);
    free(list.items);
    return status;
}

static shunt_status tune_ops(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                             const shunt_tune_options *options)
{
    uint8_t types[1 + TUNE_TYPES];
    graph_plan *plans[1 + TUNE_TYPES];
    uint32_t wanted = list_types(executor, types), count = 0;
    shunt_status status = SHUNT_OK;
    while (status == SHUNT_OK && count < wanted) {
        status = plan_outline(executor, inputs, ninputs, types[count], &plans[count]);
        if (status == SHUNT_OK) count++;
    }
    if (status == SHUNT_OK) status = tune_plans(plans, count, options);
    while (count) plan_destroy(plans[--count]);
    return status;
}

/* The plans that there are have been made without what tuning finds; and those that it makes, without what follows. */
static shunt_status tune(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                         const shunt_tune_options *options)
{
    shunt_status status = executor_check_inputs(executor, inputs, ninputs);
    if (status == SHUNT_OK) status = executor_need_device(executor, PLAN_MAIN);
    if (status != SHUNT_OK) return status;
    executor_drop_plans(executor);
    status = tune_ops(executor, inputs, ninputs, options);
    if (status == SHUNT_OK && options->precisions) status = plan_time_types(executor, inputs, ninputs, options);
    executor_drop_plans(executor);
    return status;
}

shunt_status shunt_executor_tune(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                 const shunt_tune_options *options)
{
    if (!executor || !inputs) return error_null(__func__, "executor, inputs");
    shunt_tune_options own;
    shunt_status status =
        sized_take(&own, sizeof own, SIZE_THROUGH(shunt_tune_options, ndone), options, "shunt_tune_options");
    if (status != SHUNT_OK) return status;
    pthread_mutex_lock(&executor->lock);
    status = tune(executor, inputs, ninputs, &own);
    pthread_mutex_unlock(&executor->lock);
    return status;
}
