/* submit.c - runs of an executor: checks what they are given, finds the plan, and starts it, with or without waiting for the end. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"
#include "runtime/device/fork.h"
#include "runtime/plan/buffer.h"
#include "runtime/plan/event.h"

#include <string.h>

enum { MAX_TENSORS = EXECUTOR_MAX_TENSORS };

/* What the caller gives. */
typedef struct run_tensors {
    const shunt_tensor *inputs, *outputs;
    size_t ninputs, noutputs;
} run_tensors;

static size_t count_tensors(const run_tensors *t)
{
    return t->ninputs + t->noutputs;
}

/* All of them, inputs first. */
static const shunt_tensor *tensor_at(const run_tensors *t, size_t i)
{
    return i < t->ninputs ? &t->inputs[i] : &t->outputs[i - t->ninputs];
}

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

static shunt_status check_outputs(const graph_plan *plan, const shunt_tensor *outputs, size_t noutputs)
{
    if (noutputs != plan->graph->noutputs)
        return error_fail(SHUNT_E_INVALID, "the graph has %u outputs, %zu were given", plan->graph->noutputs, noutputs);
    for (size_t i = 0; i < noutputs; i++) {
        const shunt_tensor_desc *wanted = &plan->graph->values[plan->graph->outputs[i].value].desc;
        if (outputs[i].desc.rank != wanted->rank || outputs[i].desc.dtype != wanted->dtype ||
            outputs[i].desc.block != SHUNT_PLAIN ||
            memcmp(outputs[i].desc.dims, wanted->dims, wanted->rank * sizeof wanted->dims[0]) ||
            (!outputs[i].data && !outputs[i].buffer))
            return error_fail(SHUNT_E_INVALID, "output %s has another type, shape or layout than was given",
                              plan->graph->outputs[i].name);
    }
    return SHUNT_OK;
}

/* Which steps a run has is decided when it is launched. */
static shunt_status check_decider(const graph_plan *plan, const run_tensors *t)
{
    const uint32_t decider = plan->graph->decider;
    if (!decider || t->inputs[decider - 1].data) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "input %u decides which ops run, and so has to lie in the host's memory",
                      decider - 1);
}

/* A result in a buffer shares no byte with another tensor of the run. */
static shunt_status check_overlap(const run_tensors *t)
{
    for (size_t o = t->ninputs; o < count_tensors(t); o++)
        for (size_t i = 0; i < o; i++)
            if (buffer_overlap(tensor_at(t, i), tensor_at(t, o)))
                return error_fail(SHUNT_E_INVALID, "output %zu overlaps %s %zu in a buffer", o - t->ninputs,
                                  i < t->ninputs ? "input" : "output", i < t->ninputs ? i : i - t->ninputs);
    return SHUNT_OK;
}

static shunt_status check_buffers(const shunt_executor *executor, const run_tensors *t)
{
    for (size_t i = 0; i < count_tensors(t); i++) {
        const shunt_tensor *tensor = tensor_at(t, i);
        const bool result = i >= t->ninputs;
        const char *what = result ? "output" : "input";
        const size_t number = result ? i - t->ninputs : i;
        if (!tensor->buffer && tensor->offset)
            return error_fail(SHUNT_E_INVALID, "%s %zu has an offset and no buffer", what, number);
        if (!tensor->buffer) continue;
        shunt_status status = buffer_check(tensor, executor->devices[PLAN_MAIN], result, what, number);
        if (status != SHUNT_OK) return status;
    }
    return check_overlap(t);
}

/* Before there is a plan: the shapes of the inputs. */
static shunt_status take_inputs(const run_tensors *t, shunt_tensor_desc *descs)
{
    if (t->ninputs > MAX_TENSORS) return error_fail(SHUNT_E_INVALID, "more than %d inputs", MAX_TENSORS);
    for (size_t i = 0; i < t->ninputs; i++) {
        if (!t->inputs[i].data && !t->inputs[i].buffer) return error_fail(SHUNT_E_INVALID, "input %zu has no data", i);
        descs[i] = t->inputs[i].desc;
    }
    return SHUNT_OK;
}

/* ---- Starting a run, with the lock held -------------------------------------------------------------------------- */

static shunt_status find_plan(shunt_executor *executor, const run_tensors *t, graph_plan **plan)
{
    shunt_tensor_desc descs[MAX_TENSORS] = {0};
    shunt_status status = take_inputs(t, descs);
    return status == SHUNT_OK ? executor_find_plan(executor, descs, t->ninputs, plan) : status;
}

/* After the plan is there: the run's other tensors, and the order of runs that use the same buffers. */
static shunt_status begin(const graph_plan *plan, const run_tensors *t, uint32_t stream)
{
    shunt_status status = check_outputs(plan, t->outputs, t->noutputs);
    if (status == SHUNT_OK) status = check_decider(plan, t);
    if (status == SHUNT_OK) status = check_buffers(plan->executor, t);
    for (size_t i = 0; i < count_tensors(t) && status == SHUNT_OK; i++)
        if (tensor_at(t, i)->buffer)
            status = buffer_follow(tensor_at(t, i)->buffer, plan_queue(plan, stream, PLAN_MAIN));
    return status;
}

static void note_run(const run_tensors *t, shunt_event *run)
{
    for (size_t i = 0; i < count_tensors(t); i++)
        if (tensor_at(t, i)->buffer) buffer_note_run(tensor_at(t, i)->buffer, run);
}

/* ---- Runs that wait ---------------------------------------------------------------------------------------------- */

static shunt_status run_waiting(shunt_executor *executor, const run_tensors *t);

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
static int64_t divisible_batch(const run_tensors *t)
{
    if (t->ninputs == 0 || count_tensors(t) > MAX_TENSORS || t->inputs[0].desc.rank < 2) return 0;
    int64_t n = t->inputs[0].desc.dims[0];
    for (size_t i = 0; i < count_tensors(t); i++) {
        const shunt_tensor *tensor = tensor_at(t, i);
        if (tensor->desc.rank < 2 || tensor->desc.dims[0] != n || tensor->buffer) return 0;
    }
    return n >= 2 ? n : 0;
}

static shunt_status run_halves(shunt_executor *executor, int64_t n, const run_tensors *t)
{
    const int64_t starts[] = {0, n / 2, n};
    for (int half = 0; half < 2; half++) {
        shunt_tensor parts[MAX_TENSORS];
        int64_t first = starts[half], count = starts[half + 1] - first;
        for (size_t i = 0; i < count_tensors(t); i++) parts[i] = slice(tensor_at(t, i), first, count);
        const run_tensors own = {parts, parts + t->ninputs, t->ninputs, t->noutputs};
        shunt_status status = run_waiting(executor, &own);
        if (status != SHUNT_OK) return status;
    }
    return SHUNT_OK;
}

/* A run of finite inputs that overflowed. A training graph is not run twice: its first run has changed it. */
static shunt_status repeat_wide(shunt_executor *executor, graph_plan *narrow, const plan_request *request)
{
    shunt_status status = executor->said_infinite ? SHUNT_OK : plan_say_overflow(narrow, request);
    if (status != SHUNT_OK) return status;
    executor->said_infinite = true;
    shunt_tensor_desc descs[MAX_TENSORS] = {0};
    for (uint32_t i = 0; i < narrow->graph->ninputs; i++) descs[i] = request->inputs[i].desc;
    graph_plan *wide;
    status = executor_plan(executor, descs, narrow->graph->ninputs, SHUNT_F32, &wide);
    return status == SHUNT_OK ? plan_run(wide, request) : status;
}

static shunt_status run_waiting(shunt_executor *executor, const run_tensors *t)
{
    const plan_request request = {.inputs = t->inputs, .outputs = t->outputs};
    graph_plan *plan = NULL;
    shunt_status status = find_plan(executor, t, &plan);
    const int64_t n = status == SHUNT_E_MEMORY ? divisible_batch(t) : 0;
    if (n) {
        log_write(SHUNT_LOG_INFO, "%s; running the batch of %lld in two halves", shunt_last_error(), (long long)n);
        return run_halves(executor, n, t);
    }
    if (status == SHUNT_OK) status = begin(plan, t, request.stream);
    if (status == SHUNT_OK) status = plan_run(plan, &request);
    if (status != SHUNT_OK) return status;
    note_run(t, NULL);
    if (plan->dtype != SHUNT_F16 || graph_trains(plan->graph) || !plan_overflowed(plan, &request)) return SHUNT_OK;
    return repeat_wide(executor, plan, &request);
}

shunt_status shunt_executor_run(shunt_executor *executor, const shunt_tensor *inputs, size_t ninputs,
                                const shunt_tensor *outputs, size_t noutputs)
{
    if (!executor || !inputs || !outputs) return error_null(__func__, "executor, inputs, outputs");
    const run_tensors tensors = {inputs, outputs, ninputs, noutputs};
    pthread_mutex_lock(&executor->lock);
    const shunt_status status = run_waiting(executor, &tensors);
    pthread_mutex_unlock(&executor->lock);
    return status;
}

/* ---- Runs that do not wait --------------------------------------------------------------------------------------- */

static shunt_status need_notifier(shunt_executor *executor, const shunt_submit_options *options)
{
    if (!options->handler || executor->notifier) return SHUNT_OK;
    return notifier_create(&executor->notifier);
}

/* The device's own events that the run waits for. */
static shunt_status wait_for_own(const graph_plan *plan, const shunt_submit_options *options, uint32_t stream)
{
    const shunt_device *device = plan->executor->devices[PLAN_MAIN];
    if (!options->nwaits) return SHUNT_OK;
    if (!device->interop.queue_wait)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: its backend does not wait for events of applications",
                          device->entry.selector);
    const shunt_status status =
        device->interop.queue_wait(plan_queue(plan, stream, PLAN_MAIN), options->nwaits, options->waits);
    return status == SHUNT_OK ? SHUNT_OK : device_fail(device, status, "waiting for events of the application");
}

static shunt_status start(graph_plan *plan, const plan_request *request, shunt_event *event)
{
    const shunt_device *device = plan->executor->devices[PLAN_MAIN];
    shunt_bqueue *queue = plan_queue(plan, request->stream, PLAN_MAIN);
    shunt_bevent *last = NULL;
    if (plan->executor->profiling) return plan_run(plan, request);
    shunt_status status = plan_start(plan, request, &last);
    if (status == SHUNT_OK && last) {
        event_begin(event, last);
        status = device->ops->queue_flush(queue);
        if (status != SHUNT_OK) device_fail(device, status, "starting a run");
    }
    return status == SHUNT_OK && last ? SHUNT_OK : plan_finish(plan, request->stream, status);
}

/* Keeps the last runs, and waits for the one that began EXECUTOR_MAX_RUNS before this: a device that is slower than its caller would
 * fill the memory with commands. A run that failed has told its own caller. */
static void enter(shunt_executor *executor, shunt_event *event)
{
    shunt_event **place = &executor->runs[executor->nruns++ % EXECUTOR_MAX_RUNS];
    int done = 1;
    if (*place && shunt_event_poll(*place, &done) == SHUNT_OK && !done) shunt_event_wait(*place);
    shunt_event_release(*place);
    *place = event_keep(event);
}

static shunt_status submit(shunt_executor *executor, const run_tensors *t, const shunt_submit_options *options,
                           shunt_event *event)
{
    graph_plan *plan = NULL;
    shunt_status status = need_notifier(executor, options);
    if (status == SHUNT_OK) status = find_plan(executor, t, &plan);
    if (status != SHUNT_OK) return status;
    const plan_request request = {t->inputs, t->outputs, (uint32_t)(executor->nruns % plan->nstreams)};
    status = begin(plan, t, request.stream);
    if (status == SHUNT_OK) status = wait_for_own(plan, options, request.stream);
    if (status == SHUNT_OK) status = start(plan, &request, event);
    if (status != SHUNT_OK) return status;
    note_run(t, event->last ? event : NULL);
    enter(executor, event);
    event->handler = options->handler;
    event->context = options->context;
    if (event->handler) notifier_add(executor->notifier, event);
    return SHUNT_OK;
}

shunt_status shunt_executor_submit(shunt_executor *executor, const shunt_tensor *inputs, size_t ninputs,
                                   const shunt_tensor *outputs, size_t noutputs, const shunt_submit_options *options,
                                   shunt_event **out)
{
    if (!executor || !inputs || !outputs) return error_null(__func__, "executor, inputs, outputs");
    shunt_submit_options own;
    const run_tensors tensors = {inputs, outputs, ninputs, noutputs};
    shunt_status status =
        sized_take(&own, sizeof own, SIZE_THROUGH(shunt_submit_options, context), options, "shunt_submit_options");
    if (status == SHUNT_OK && own.nwaits && !own.waits) return error_null(__func__, "options->waits");
    if (status == SHUNT_OK) status = fork_check();
    shunt_event *event = NULL;
    if (status == SHUNT_OK) status = event_create(executor->devices[PLAN_MAIN], &event);
    if (status != SHUNT_OK) return status;
    pthread_mutex_lock(&executor->lock);
    status = submit(executor, &tensors, &own, event);
    pthread_mutex_unlock(&executor->lock);
    if (status == SHUNT_OK && out)
        *out = event;
    else
        shunt_event_release(event);
    return status;
}
