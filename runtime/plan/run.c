/* run.c - launches a plan's steps. Allocates nothing, compiles nothing, decides nothing. */
#include "runtime/plan/exchange.h"
#include "runtime/base/error.h"
#include "runtime/plan/buffer.h"

#include <stdlib.h>

shunt_bqueue *plan_queue(const graph_plan *plan, uint32_t stream, int device)
{
    return device == PLAN_MAIN ? plan->executor->streams[stream] : plan->executor->queues[device];
}

/* Copies between the two devices through the fallback device's memory, which is the host's. Both queues are drained: what
 * comes next on the host must see the data, and may soon write over its source. */
static shunt_status transfer(graph_plan *plan, uint32_t stream, bool to_host, shunt_arg on_main, shunt_arg on_host,
                             uint64_t bytes)
{
    const shunt_executor *executor = plan->executor;
    const shunt_device *host = executor->devices[PLAN_FALLBACK], *main_device = executor->devices[PLAN_MAIN];
    shunt_bqueue *queue = plan_queue(plan, stream, PLAN_MAIN);
    void *memory = NULL;
    shunt_status status = host->ops->queue_finish(executor->queues[PLAN_FALLBACK]);
    if (status != SHUNT_OK) return device_fail(host, status, "running");
    status = host->ops->buffer_map(host->handle, on_host.buffer, &memory);
    if (status != SHUNT_OK) return device_fail(host, status, "mapping memory");
    uint8_t *place = (uint8_t *)memory + on_host.offset;
    if (to_host)
        status = main_device->ops->read(queue, place, on_main, bytes, NULL);
    else
        status = main_device->ops->write(queue, on_main, place, bytes, NULL);
    shunt_status finished = main_device->ops->queue_finish(queue);
    if (status == SHUNT_OK) status = finished;
    host->ops->buffer_unmap(host->handle, on_host.buffer);
    return status == SHUNT_OK ? SHUNT_OK : device_fail(main_device, status, "moving data");
}

shunt_status plan_launch(graph_plan *plan, uint32_t stream, uint32_t number, shunt_bevent **events)
{
    plan_step *step = &plan->steps[number];
    const plan_args *args = &plan->streams[stream].args[number];
    const shunt_device *device = plan->executor->devices[step->device];
    shunt_bqueue *queue = plan_queue(plan, stream, step->device);
    const bool to_host = step->device == PLAN_FALLBACK;
    shunt_bop *packs = step->joined[PLAN_PACKS], *sums = step->joined[PLAN_SUMS];
    const shunt_arg none = {0};
    shunt_status status = SHUNT_OK;
    if (step->transfer)
        return transfer(plan, stream, to_host, to_host ? args->inputs[0] : args->outputs[0],
                        to_host ? args->outputs[0] : args->inputs[0], shunt_tensor_bytes(&step->desc.inputs[0]));
    if (step->exchange) return exchange_launch(step);
    if (packs) status = device->ops->op_launch(packs, queue, NULL, NULL, none, events ? &events[EVENT_PACKS] : NULL);
    if (status == SHUNT_OK)
        status = device->ops->op_launch(step->op, queue, args->inputs, args->outputs, args->workspace,
                                        events ? &events[EVENT_OWN] : NULL);
    if (status == SHUNT_OK && sums)
        status = device->ops->op_launch(sums, queue, NULL, NULL, none, events ? &events[EVENT_SUMS] : NULL);
    if (status == SHUNT_OK) return SHUNT_OK;
    device_fail(device, status, "running");
    return error_context(status, "%s", step->name);
}

static shunt_status write_input(graph_plan *plan, uint32_t stream, int32_t number, const shunt_tensor *tensor)
{
    const plan_value *value = &plan->values[number];
    const shunt_device *device = plan->executor->devices[value->device];
    const shunt_arg place = plan_arg(plan, stream, number);
    const uint64_t bytes = shunt_tensor_bytes(&value->desc);
    if (tensor->buffer && value->device == PLAN_MAIN) return SHUNT_OK; /* it is read there */
    if (tensor->buffer) return transfer(plan, stream, true, buffer_arg(tensor), place, bytes);
    shunt_status status = device->ops->write(plan_queue(plan, stream, value->device), place, tensor->data, bytes, NULL);
    return status == SHUNT_OK ? SHUNT_OK : device_fail(device, status, "writing an input");
}

shunt_status plan_write_inputs(graph_plan *plan, const plan_request *request)
{
    shunt_status status = SHUNT_OK;
    plan_bind(plan, request);
    for (uint32_t i = 0; i < plan->graph->ninputs && status == SHUNT_OK; i++)
        status = write_input(plan, request->stream, plan->inputs[i], &request->inputs[i]);
    return status;
}

/* Whether a result is where it was asked for when the last step is done. */
static bool is_in_place(const graph_plan *plan, uint32_t output, const shunt_tensor *tensor)
{
    return tensor->buffer && plan->direct[output];
}

static shunt_status give_output(graph_plan *plan, uint32_t stream, int32_t number, const shunt_tensor *tensor,
                                shunt_bevent **event)
{
    const plan_value *value = &plan->values[number];
    const shunt_device *device = plan->executor->devices[value->device];
    shunt_bqueue *queue = plan_queue(plan, stream, value->device);
    const shunt_arg place = plan_arg(plan, stream, number);
    const uint64_t bytes = shunt_tensor_bytes(&value->desc);
    if (tensor->buffer && value->device != PLAN_MAIN)
        return transfer(plan, stream, false, buffer_arg(tensor), place, bytes);
    shunt_status status = tensor->buffer ? device->ops->copy(queue, buffer_arg(tensor), place, bytes, event)
                                         : device->ops->read(queue, tensor->data, place, bytes, event);
    return status == SHUNT_OK ? SHUNT_OK : device_fail(device, status, "giving an output");
}

/* The last output that takes a command of its own; -1: none. */
static int64_t last_given(const graph_plan *plan, const plan_request *request)
{
    int64_t last = -1;
    for (uint32_t o = 0; o < plan->graph->noutputs; o++)
        if (!is_in_place(plan, o, &request->outputs[o])) last = o;
    return last;
}

/* As plan_launch has them. */
typedef struct step_events {
    shunt_bevent *of[STEP_EVENTS];
} step_events;

static void release_events(const graph_plan *plan, uint32_t step, step_events *events)
{
    const shunt_device *device = plan->executor->devices[plan->steps[step].device];
    for (int i = 0; i < STEP_EVENTS; i++)
        if (events->of[i]) device->ops->event_release(events->of[i]);
}

/* Launches the last step. *last: the event of its last command. */
static shunt_status launch_last(graph_plan *plan, uint32_t stream, shunt_bevent **last)
{
    const uint32_t step = plan->nsteps - 1;
    const int command = plan->steps[step].joined[PLAN_SUMS] ? EVENT_SUMS : EVENT_OWN;
    step_events events = {0};
    const shunt_status status = plan_launch(plan, stream, step, events.of);
    if (status == SHUNT_OK) {
        *last = events.of[command];
        events.of[command] = NULL;
    }
    release_events(plan, step, &events);
    return status;
}

/* Whether this run does without the step. */
static bool is_left_out(const graph_plan *plan, const plan_request *request, uint32_t step)
{
    const uint32_t when = plan->steps[step].when;
    if (!when) return false;
    const float *decider = request->inputs[plan->graph->decider - 1].data;
    return !(decider[when - 1] >= 0);
}

/* events: of the steps, or NULL. */
static shunt_status start(graph_plan *plan, const plan_request *request, step_events *events, shunt_bevent **last)
{
    const int64_t last_output = last_given(plan, request);
    plan->runs++;
    shunt_status status = plan_write_inputs(plan, request);
    for (uint32_t s = 0; status == SHUNT_OK && s < plan->nsteps; s++) {
        if (is_left_out(plan, request, s)) continue;
        const bool ends = last && last_output < 0 && s + 1 == plan->nsteps;
        status = ends ? launch_last(plan, request->stream, last)
                      : plan_launch(plan, request->stream, s, events ? events[s].of : NULL);
    }
    for (uint32_t o = 0; status == SHUNT_OK && o < plan->graph->noutputs; o++)
        if (!is_in_place(plan, o, &request->outputs[o]))
            status = give_output(plan, request->stream, plan->outputs[o], &request->outputs[o],
                                 o == last_output ? last : NULL);
    return status;
}

shunt_status plan_start(graph_plan *plan, const plan_request *request, shunt_bevent **last)
{
    return start(plan, request, NULL, plan->waits ? NULL : last);
}

shunt_status plan_finish(graph_plan *plan, uint32_t stream, shunt_status status)
{
    if (status != SHUNT_OK) exchange_give_up(plan);
    for (int d = 0; d < PLAN_DEVICES; d++) {
        if (!plan->executor->queues[d]) continue;
        const shunt_device *device = plan->executor->devices[d];
        shunt_status finished = device->ops->queue_finish(plan_queue(plan, stream, d));
        if (status == SHUNT_OK && finished != SHUNT_OK) status = device_fail(device, finished, "running");
    }
    return status;
}

/* Adds the event's time to the step. A time that the device does not tell counts as 0. */
static void note_time(plan_step *step, const shunt_device *device, shunt_bevent *event)
{
    uint64_t from, to;
    if (!event || !device->ops->event_time || device->ops->event_time(event, &from, &to) != SHUNT_OK) return;
    step->nanoseconds += to - from;
    if (trace_wanted()) trace_add(step, device->entry.selector, from, to);
}

static void note_times(graph_plan *plan, const step_events *events)
{
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        plan_step *step = &plan->steps[s];
        const shunt_device *device = plan->executor->devices[step->device];
        step->nanoseconds = 0;
        for (int i = 0; i < STEP_EVENTS; i++) note_time(step, device, events[s].of[i]);
    }
    if (trace_wanted()) exchange_trace(plan);
}

shunt_status plan_run(graph_plan *plan, const plan_request *request)
{
    step_events *events = NULL;
    if (plan->executor->profiling && !(events = calloc(plan->nsteps + 1, sizeof *events))) return error_memory();
    shunt_status status = plan_finish(plan, request->stream, start(plan, request, events, NULL));
    if (events) {
        if (status == SHUNT_OK) note_times(plan, events);
        for (uint32_t s = 0; s < plan->nsteps; s++) release_events(plan, s, &events[s]);
        free(events);
    }
    return status;
}
