/* executor.c - a graph with its weights on a device: keeps the plans made for the shapes seen so far. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"

#include <stdlib.h>
#include <string.h>

shunt_status executor_need_device(shunt_executor *executor, int index)
{
    if (executor->queues[index]) return SHUNT_OK;
    shunt_device *device = executor->devices[index];
    if (!device) {
        shunt_status status = device_open_fallback(&device);
        if (status != SHUNT_OK) return error_context(status, "opening the fallback device");
        executor->devices[index] = device;
    }
    shunt_status status = device->ops->queue_create(device->handle, executor->profiling, &executor->queues[index]);
    if (status == SHUNT_OK) return SHUNT_OK;
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

shunt_status shunt_executor_create_with(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                        const shunt_executor_options *options, shunt_executor **out)
{
    if (!graph || !weights || !device) return error_fail(SHUNT_E_INVALID, "executor: graph, weights or device missing");
    shunt_executor_options own;
    precision_wish precision = {0};
    shunt_status status = sized_take(&own, sizeof own, SIZE_THROUGH(shunt_executor_options, precision), options,
                                     "shunt_executor_options");
    if (status == SHUNT_OK) status = precision_choose(device, own.precision, &precision);
    if (status == SHUNT_OK) status = shunt_graph_check(graph);
    if (status == SHUNT_OK && precision.dtype == SHUNT_F16 && graph_trains(graph) && !graph_is_guarded(graph))
        status = error_fail(SHUNT_E_UNSUPPORTED, "training in f16 needs a scaled loss, which this graph does not have; "
                                                 "shunt_train_setup.loss_scale makes one, or use bf16");
    if (status != SHUNT_OK) return status;
    if (graph->noutputs == 0) return error_fail(SHUNT_E_INVALID, "executor: the graph has no output");
    status = parameters_check(graph, weights);
    if (status != SHUNT_OK) return status;
    shunt_executor *executor = calloc(1, sizeof *executor);
    if (!executor) return error_memory();
    executor->weights = weights;
    executor->devices[PLAN_MAIN] = device;
    executor->profiling = trace_wanted();
    executor->precision = precision;
    if (own.ranks && graph_trains(graph) && shunt_ranks_describe(own.ranks)->count > 1) executor->ranks = own.ranks;
    executor->sync_statistics = own.sync_statistics != 0;
    status = shunt_graph_copy(graph, &executor->graph);
    if (status == SHUNT_OK) status = graph_fold_batch_norms(executor->graph);
    graph_flat_limits limits;
    if (status == SHUNT_OK) status = flat_limits(executor, &limits);
    if (status == SHUNT_OK) status = graph_join(executor->graph, &limits);
    if (status != SHUNT_OK) {
        shunt_executor_destroy(executor);
        return status;
    }
    *out = executor;
    return SHUNT_OK;
}

void shunt_executor_destroy(shunt_executor *executor)
{
    if (!executor) return;
    if (trace_wanted() && trace_save() != SHUNT_OK)
        log_write(SHUNT_LOG_WARN, "the profile was not written: %s", shunt_last_error());
    for (int p = 0; p < EXECUTOR_MAX_PLANS; p++) plan_destroy(executor->plans[p]);
    parameters_free(executor);
    for (int d = 0; d < PLAN_DEVICES; d++)
        if (executor->queues[d])
            executor->devices[d]->ops->queue_destroy(executor->devices[d]->handle, executor->queues[d]);
    if (executor->devices[PLAN_FALLBACK]) shunt_device_close(executor->devices[PLAN_FALLBACK]);
    shunt_graph_destroy(executor->graph);
    free(executor->report_steps);
    free(executor->report_list);
    free(executor->report_kinds);
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
    plan_destroy(executor->plans[oldest]);
    executor->plans[oldest] = plan;
    *out = plan;
    return SHUNT_OK;
}

static shunt_status find_plan(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
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
    return find_plan(executor, inputs, ninputs, &plan);
}

shunt_status shunt_executor_output(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                   size_t index, shunt_tensor_desc *out)
{
    if (!executor || !inputs || !out) return error_null(__func__, "executor, inputs, out");
    graph_plan *plan;
    shunt_status status = find_plan(executor, inputs, ninputs, &plan);
    if (status != SHUNT_OK) return status;
    if (index >= plan->graph->noutputs)
        return error_fail(SHUNT_E_INVALID, "the graph has %u outputs, not %zu", plan->graph->noutputs, index + 1);
    *out = plan->graph->values[plan->graph->outputs[index].value].desc;
    return SHUNT_OK;
}

shunt_status shunt_executor_report(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                   const shunt_plan_report **report)
{
    if (!executor || !inputs || !report) return error_null(__func__, "executor, inputs, report");
    graph_plan *plan;
    shunt_status status = find_plan(executor, inputs, ninputs, &plan);
    if (status == SHUNT_OK) status = plan_describe(plan);
    if (status == SHUNT_OK) *report = &executor->report;
    return status;
}

void executor_drop_plans(shunt_executor *executor)
{
    for (int p = 0; p < EXECUTOR_MAX_PLANS; p++) {
        plan_destroy(executor->plans[p]);
        executor->plans[p] = NULL;
    }
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

enum { MAX_TENSORS = 64 };

static shunt_status check_outputs(const graph_plan *plan, const shunt_tensor *outputs, size_t noutputs)
{
    if (noutputs != plan->graph->noutputs)
        return error_fail(SHUNT_E_INVALID, "the graph has %u outputs, %zu were given", plan->graph->noutputs, noutputs);
    for (size_t i = 0; i < noutputs; i++) {
        const shunt_tensor_desc *wanted = &plan->graph->values[plan->graph->outputs[i].value].desc;
        if (outputs[i].desc.rank != wanted->rank || outputs[i].desc.dtype != wanted->dtype ||
            memcmp(outputs[i].desc.dims, wanted->dims, wanted->rank * sizeof wanted->dims[0]) || !outputs[i].data)
            return error_fail(SHUNT_E_INVALID, "output %s has another type or shape than was given",
                              plan->graph->outputs[i].name);
    }
    return SHUNT_OK;
}

/* Rows [first, first + n) of the leading dimension. */
static shunt_tensor slice(const shunt_tensor *tensor, int64_t first, int64_t n)
{
    shunt_tensor part = *tensor;
    uint64_t row = shunt_tensor_bytes(&tensor->desc) / (uint64_t)tensor->desc.dims[0];
    part.desc.dims[0] = n;
    part.data = (uint8_t *)tensor->data + (uint64_t)first * row;
    return part;
}

/* The size of the batch if every input and output has it as its leading dimension and it can be halved, else 0. */
static int64_t divisible_batch(const shunt_tensor *inputs, size_t ninputs, const shunt_tensor *outputs, size_t noutputs)
{
    if (ninputs == 0 || ninputs + noutputs > MAX_TENSORS || inputs[0].desc.rank < 2) return 0;
    int64_t n = inputs[0].desc.dims[0];
    for (size_t i = 0; i < ninputs; i++)
        if (inputs[i].desc.rank < 2 || inputs[i].desc.dims[0] != n) return 0;
    for (size_t i = 0; i < noutputs; i++)
        if (outputs[i].desc.rank < 2 || outputs[i].desc.dims[0] != n) return 0;
    return n >= 2 ? n : 0;
}

static shunt_status run_halves(shunt_executor *executor, int64_t n, const shunt_tensor *inputs, size_t ninputs,
                               const shunt_tensor *outputs, size_t noutputs)
{
    const int64_t starts[] = {0, n / 2, n};
    for (int half = 0; half < 2; half++) {
        shunt_tensor parts[MAX_TENSORS];
        int64_t first = starts[half], count = starts[half + 1] - first;
        for (size_t i = 0; i < ninputs; i++) parts[i] = slice(&inputs[i], first, count);
        for (size_t i = 0; i < noutputs; i++) parts[ninputs + i] = slice(&outputs[i], first, count);
        shunt_status status = shunt_executor_run(executor, parts, ninputs, parts + ninputs, noutputs);
        if (status != SHUNT_OK) return status;
    }
    return SHUNT_OK;
}

/* Fields to come must be 0 today, so that they can get a meaning. */
static shunt_status check_reserved(const shunt_tensor *tensors, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++)
        if (tensors[i].reserved[0] || tensors[i].reserved[1])
            return error_fail(SHUNT_E_INVALID, "%s %zu: the reserved fields of its shunt_tensor are not 0", what, i);
    return SHUNT_OK;
}

/* A run of finite inputs that overflowed. A training graph is not run twice: its first run has changed it. */
static shunt_status repeat_wide(shunt_executor *executor, graph_plan *narrow, const shunt_tensor *inputs,
                                const shunt_tensor_desc *descs, const shunt_tensor *outputs)
{
    shunt_status status = executor->said_infinite ? SHUNT_OK : plan_say_overflow(narrow, inputs);
    if (status != SHUNT_OK) return status;
    executor->said_infinite = true;
    graph_plan *wide;
    status = executor_plan(executor, descs, narrow->graph->ninputs, SHUNT_F32, &wide);
    return status == SHUNT_OK ? plan_run(wide, inputs, outputs) : status;
}

shunt_status shunt_executor_run(shunt_executor *executor, const shunt_tensor *inputs, size_t ninputs,
                                const shunt_tensor *outputs, size_t noutputs)
{
    if (!executor || !inputs || !outputs) return error_null(__func__, "executor, inputs, outputs");
    shunt_tensor_desc descs[MAX_TENSORS] = {0};
    if (ninputs > MAX_TENSORS) return error_fail(SHUNT_E_INVALID, "more than %d inputs", MAX_TENSORS);
    shunt_status status = check_reserved(inputs, ninputs, "input");
    if (!status) status = check_reserved(outputs, noutputs, "output");
    if (status) return status;
    for (size_t i = 0; i < ninputs; i++) {
        if (!inputs[i].data) return error_fail(SHUNT_E_INVALID, "input %zu has no data", i);
        descs[i] = inputs[i].desc;
    }
    graph_plan *plan;
    status = find_plan(executor, descs, ninputs, &plan);
    if (status == SHUNT_E_MEMORY) {
        int64_t n = divisible_batch(inputs, ninputs, outputs, noutputs);
        if (n) {
            log_write(SHUNT_LOG_INFO, "%s; running the batch of %lld in two halves", shunt_last_error(), (long long)n);
            return run_halves(executor, n, inputs, ninputs, outputs, noutputs);
        }
    }
    if (status == SHUNT_OK) status = check_outputs(plan, outputs, noutputs);
    if (status == SHUNT_OK) status = plan_run(plan, inputs, outputs);
    if (status != SHUNT_OK || plan->dtype != SHUNT_F16 || graph_trains(plan->graph) ||
        !plan_overflowed(plan, inputs, outputs))
        return status;
    return repeat_wide(executor, plan, inputs, descs, outputs);
}
