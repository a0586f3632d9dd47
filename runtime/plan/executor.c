/* executor.c - a graph with its weights on a device: keeps the plans made for the shapes seen so far. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"
#include "runtime/device/fork.h"
#include "runtime/plan/event.h"

#include <stdlib.h>
#include <string.h>

/* The queues of streams: the first is the device's, too. */
static shunt_status make_streams(shunt_executor *executor)
{
    const shunt_device *device = executor->devices[PLAN_MAIN];
    executor->streams[0] = executor->queues[PLAN_MAIN];
    for (uint32_t i = 1; i < executor->nstreams; i++) {
        if (executor->streams[i]) continue;
        shunt_status status = device->ops->queue_create(device->handle, executor->profiling, &executor->streams[i]);
        if (status == SHUNT_OK) continue;
        executor->streams[i] = NULL;
        return device_fail(device, status, "making a queue");
    }
    return SHUNT_OK;
}

shunt_status executor_need_device(shunt_executor *executor, int index)
{
    if (executor->queues[index]) return index == PLAN_MAIN ? make_streams(executor) : SHUNT_OK;
    shunt_device *device = executor->devices[index];
    if (!device) {
        shunt_status status = device_open_fallback(&device);
        if (status != SHUNT_OK) return error_context(status, "opening the fallback device");
        executor->devices[index] = device;
    }
    shunt_status status = device->ops->queue_create(device->handle, executor->profiling, &executor->queues[index]);
    if (status == SHUNT_OK) return index == PLAN_MAIN ? make_streams(executor) : SHUNT_OK;
    executor->queues[index] = NULL;
    return device_fail(device, status, "making a queue");
}

/* Gradients of later layers are there first: flat values of this size take the memory of activations that are done with, and are sent
 * to other ranks while earlier layers are computed. The first ones are there soonest, if they are small. */
static const uint64_t MOST_FLAT_BYTES = UINT64_C(25) << 20, FIRST_FLAT_BYTES = UINT64_C(1) << 20;

/* Of several ranks they suit the devices of all. */
static shunt_status flat_limits(const shunt_executor *executor, graph_flat_limits *out)
{
    const shunt_device_info *info = &executor->devices[PLAN_MAIN]->entry.info;
    const uint32_t ranks = executor->ranks ? shunt_ranks_describe(executor->ranks)->count : 1;
    uint64_t own[] = {info->alignment, info->max_alloc}, *all = executor->ranks ? calloc(ranks, sizeof own) : own;
    shunt_status status = all ? SHUNT_OK : error_memory();
    if (status == SHUNT_OK && executor->ranks) status = ranks_all_gather(executor->ranks, own, all, sizeof own);
    *out = (graph_flat_limits){.alignment = own[0], .most_bytes = MOST_FLAT_BYTES, .pieces = ranks};
    for (uint32_t r = 0; status == SHUNT_OK && r < ranks; r++) {
        if (all[2 * r] > out->alignment) out->alignment = all[2 * r];
        if (all[2 * r + 1] < out->most_bytes) out->most_bytes = all[2 * r + 1];
    }
    out->first_bytes = executor->ranks && FIRST_FLAT_BYTES < out->most_bytes ? FIRST_FLAT_BYTES : out->most_bytes;
    if (executor->ranks) free(all);
    return status;
}

shunt_status shunt_executor_create(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                   shunt_executor **out)
{
    return shunt_executor_create_with(graph, weights, device, NULL, out);
}

/* The type of the data, and whether options and graph can be. */
static shunt_status check_options(const shunt_graph *graph, const shunt_device *device,
                                  const shunt_executor_options *options, precision_wish *precision)
{
    shunt_status status = precision_choose(device, options->precision, precision);
    if (status == SHUNT_OK) status = shunt_graph_check(graph);
    if (status == SHUNT_OK && precision->dtype == SHUNT_F16 && graph_trains(graph) && !graph_is_guarded(graph))
        status = error_fail(SHUNT_E_UNSUPPORTED, "training in f16 needs a scaled loss, which this graph does not have; "
                                                 "shunt_train_setup.loss_scale makes one, or use bf16");
    if (status != SHUNT_OK) return status;
    if (graph->noutputs == 0) return error_fail(SHUNT_E_INVALID, "executor: the graph has no output");
    if (graph->factors && options->sync_statistics)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "executor: a part of a batch does not have the statistics of the others");
    if (options->streams > EXECUTOR_MAX_STREAMS)
        return error_fail(SHUNT_E_INVALID, "executor: %u streams; at most %d", options->streams, EXECUTOR_MAX_STREAMS);
    return SHUNT_OK;
}

/* Batch norms folded, updates joined, and what they read added up. */
static shunt_status take_graph(shunt_executor *executor, const shunt_graph *graph)
{
    graph_flat_limits limits;
    shunt_status status = shunt_graph_copy(graph, &executor->graph);
    if (status == SHUNT_OK) status = graph_fold_batch_norms(executor->graph);
    if (status == SHUNT_OK) status = flat_limits(executor, &limits);
    if (status == SHUNT_OK) status = graph_join(executor->graph, &limits);
    return status == SHUNT_OK ? graph_add_up(executor->graph) : status;
}

shunt_status shunt_executor_create_with(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                        const shunt_executor_options *options, shunt_executor **out)
{
    if (!graph || !weights || !device) return error_fail(SHUNT_E_INVALID, "executor: graph, weights or device missing");
    shunt_executor_options own;
    precision_wish precision = {0};
    shunt_status status = sized_take(&own, sizeof own, SIZE_THROUGH(shunt_executor_options, precision), options,
                                     "shunt_executor_options");
    if (status == SHUNT_OK) status = check_options(graph, device, &own, &precision);
    if (status == SHUNT_OK) status = parameters_check(graph, weights);
    if (status != SHUNT_OK) return status;
    shunt_executor *executor = calloc(1, sizeof *executor);
    if (!executor) return error_memory();
    if (pthread_mutex_init(&executor->lock, NULL)) {
        free(executor);
        return error_memory();
    }
    executor->weights = weights;
    executor->devices[PLAN_MAIN] = device;
    executor->profiling = trace_wanted();
    executor->precision = precision;
    if (own.ranks && graph_trains(graph) && shunt_ranks_describe(own.ranks)->count > 1) executor->ranks = own.ranks;
    executor->sync_statistics = executor->ranks && own.sync_statistics;
    executor->bf16_gradients = executor->ranks && own.bf16_gradients;
    const bool serial = device->entry.info.caps & SHUNT_CAP_ONE_QUEUE; /* more streams would only take memory */
    executor->nstreams = own.streams && !serial ? own.streams : 1;
    status = take_graph(executor, graph);
    if (status != SHUNT_OK) {
        shunt_executor_destroy(executor);
        return status;
    }
    *out = executor;
    return SHUNT_OK;
}

/* Waits for the end of all runs. */
static void drain(shunt_executor *executor)
{
    const shunt_device *device = executor->devices[PLAN_MAIN];
    for (uint32_t i = 0; i < executor->nstreams; i++)
        if (executor->streams[i]) device->ops->queue_finish(executor->streams[i]);
}

void shunt_executor_destroy(shunt_executor *executor)
{
    if (!executor) return;
    if (trace_wanted() && trace_save() != SHUNT_OK)
        log_write(SHUNT_LOG_WARN, "the profile was not written: %s", shunt_last_error());
    if (!fork_check()) notifier_destroy(executor->notifier);
    drain(executor);
    for (int i = 0; i < EXECUTOR_MAX_RUNS; i++) shunt_event_release(executor->runs[i]);
    for (int p = 0; p < EXECUTOR_MAX_PLANS; p++) plan_destroy(executor->plans[p]);
    parameters_free(executor);
    for (uint32_t i = 1; i < executor->nstreams; i++)
        if (executor->streams[i])
            executor->devices[PLAN_MAIN]->ops->queue_destroy(executor->devices[PLAN_MAIN]->handle,
                                                             executor->streams[i]);
    for (int d = 0; d < PLAN_DEVICES; d++)
        if (executor->queues[d])
            executor->devices[d]->ops->queue_destroy(executor->devices[d]->handle, executor->queues[d]);
    if (executor->devices[PLAN_FALLBACK]) shunt_device_close(executor->devices[PLAN_FALLBACK]);
    shunt_graph_destroy(executor->graph);
    free(executor->report_steps);
    free(executor->report_list);
    free(executor->report_kinds);
    pthread_mutex_destroy(&executor->lock);
    free(executor);
}

void shunt_executor_profile(shunt_executor *executor, int on)
{
    if (!executor) return;
    executor->profiling = on || trace_wanted();
}

bool plan_fits(const graph_plan *plan, const shunt_tensor_desc *inputs)
{
    for (uint32_t i = 0; i < plan->graph->ninputs; i++) {
        const shunt_tensor_desc *have = &plan->graph->values[plan->graph->inputs[i]].desc;
        if (have->rank != inputs[i].rank || memcmp(have->dims, inputs[i].dims, have->rank * sizeof have->dims[0]))
            return false;
    }
    return true;
}

shunt_status executor_check_inputs(const shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs)
{
    if (ninputs != executor->graph->ninputs)
        return error_fail(SHUNT_E_INVALID, "the graph has %u inputs, %zu were given", executor->graph->ninputs,
                          ninputs);
    for (size_t i = 0; i < ninputs; i++)
        if (inputs[i].dtype != executor->graph->values[executor->graph->inputs[i]].desc.dtype ||
            inputs[i].block != SHUNT_PLAIN || inputs[i].rank > SHUNT_MAX_RANK)
            return error_fail(SHUNT_E_INVALID, "input %s must be plain and of the graph's type",
                              executor->graph->values[executor->graph->inputs[i]].name);
    return SHUNT_OK;
}

/* The plan for these inputs and data of this type: one that is there, or a new one in place of the one unused for longest. */
shunt_status executor_plan(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs, uint8_t dtype,
                           graph_plan **out)
{
    shunt_status status = executor_check_inputs(executor, inputs, ninputs);
    if (status != SHUNT_OK) return status;
    int oldest = 0;
    executor->clock++;
    for (int p = 0; p < EXECUTOR_MAX_PLANS; p++) {
        graph_plan *plan = executor->plans[p];
        if (plan && plan->dtype == dtype && plan_fits(plan, inputs)) {
            plan->last_use = executor->clock;
            *out = plan;
            return SHUNT_OK;
        }
        if (executor->plans[oldest] && (!plan || plan->last_use < executor->plans[oldest]->last_use)) oldest = p;
    }
    status = executor_need_device(executor, PLAN_MAIN);
    if (status != SHUNT_OK) return status;
    graph_plan *plan = NULL;
    status = plan_create(executor, inputs, ninputs, dtype, &plan);
    if (status != SHUNT_OK) return status;
    plan->last_use = executor->clock;
    if (executor->plans[oldest]) drain(executor);
    plan_destroy(executor->plans[oldest]);
    executor->plans[oldest] = plan;
    *out = plan;
    return SHUNT_OK;
}

shunt_status executor_find_plan(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                graph_plan **out)
{
    const precision_wish *wish = &executor->precision;
    return wish->fast ? plan_fast(executor, inputs, ninputs, out)
                      : executor_plan(executor, inputs, ninputs, wish->dtype, out);
}

shunt_status shunt_executor_prepare(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs)
{
    if (!executor || !inputs) return error_null(__func__, "executor, inputs");
    graph_plan *plan;
    pthread_mutex_lock(&executor->lock);
    const shunt_status status = executor_find_plan(executor, inputs, ninputs, &plan);
    pthread_mutex_unlock(&executor->lock);
    return status;
}

static shunt_status describe_output(const graph_plan *plan, size_t index, shunt_tensor_desc *out)
{
    if (index >= plan->graph->noutputs)
        return error_fail(SHUNT_E_INVALID, "the graph has %u outputs, not %zu", plan->graph->noutputs, index + 1);
    *out = plan->graph->values[plan->graph->outputs[index].value].desc;
    return SHUNT_OK;
}

shunt_status shunt_executor_output(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                   size_t index, shunt_tensor_desc *out)
{
    if (!executor || !inputs || !out) return error_null(__func__, "executor, inputs, out");
    graph_plan *plan;
    pthread_mutex_lock(&executor->lock);
    shunt_status status = executor_find_plan(executor, inputs, ninputs, &plan);
    if (status == SHUNT_OK) status = describe_output(plan, index, out);
    pthread_mutex_unlock(&executor->lock);
    return status;
}

shunt_status shunt_executor_report(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                   const shunt_plan_report **report)
{
    if (!executor || !inputs || !report) return error_null(__func__, "executor, inputs, report");
    graph_plan *plan;
    pthread_mutex_lock(&executor->lock);
    shunt_status status = executor_find_plan(executor, inputs, ninputs, &plan);
    if (status == SHUNT_OK) status = plan_describe(plan);
    if (status == SHUNT_OK) *report = &executor->report;
    pthread_mutex_unlock(&executor->lock);
    return status;
}

void executor_drop_plans(shunt_executor *executor)
{
    drain(executor);
    for (int p = 0; p < EXECUTOR_MAX_PLANS; p++) {
        plan_destroy(executor->plans[p]);
        executor->plans[p] = NULL;
    }
}
