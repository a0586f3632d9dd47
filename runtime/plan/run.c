/* run.c - launches a plan's steps. Allocates nothing, compiles nothing, decides nothing. */
#include "runtime/plan/exchange.h"
#include "runtime/base/error.h"

#include <stdlib.h>

/* Copies between the two devices through the fallback device's memory, which is the host's. Both queues are drained: what
 * comes next on the host must see the data, and may soon write over its source. */
static shunt_status transfer(graph_plan *plan, plan_step *step)
{
    const shunt_executor *executor = plan->executor;
    const shunt_device *host = executor->devices[PLAN_FALLBACK], *main_device = executor->devices[PLAN_MAIN];
    shunt_bqueue *queue = executor->queues[PLAN_MAIN];
    bool to_host = step->device == PLAN_FALLBACK;
    shunt_arg host_arg = to_host ? step->output_args[0] : step->input_args[0];
    uint64_t bytes = shunt_tensor_bytes(&step->desc.inputs[0]);
    void *memory = NULL;
    shunt_status status = host->ops->queue_finish(executor->queues[PLAN_FALLBACK]);
    if (status != SHUNT_OK) return device_fail(host, status, "running");
    status = host->ops->buffer_map(host->handle, host_arg.buffer, &memory);
    if (status != SHUNT_OK) return device_fail(host, status, "mapping memory");
    uint8_t *place = (uint8_t *)memory + host_arg.offset;
    if (to_host)
        status = main_device->ops->read(queue, place, step->input_args[0], bytes, NULL);
    else
        status = main_device->ops->write(queue, step->output_args[0], place, bytes, NULL);
    shunt_status finished = main_device->ops->queue_finish(queue);
    if (status == SHUNT_OK) status = finished;
    host->ops->buffer_unmap(host->handle, host_arg.buffer);
    return status == SHUNT_OK ? SHUNT_OK : device_fail(main_device, status, "moving data");
}

shunt_status plan_launch(graph_plan *plan, plan_step *step, shunt_bevent **packed, shunt_bevent **event)
{
    const shunt_device *device = plan->executor->devices[step->device];
    shunt_bqueue *queue = plan->executor->queues[step->device];
    shunt_status status = SHUNT_OK;
    if (step->transfer) return transfer(plan, step);
    if (step->exchange) return exchange_launch(step);
    if (step->packs) status = device->ops->op_launch(step->packs, queue, NULL, NULL, (shunt_arg){0}, packed);
    if (status == SHUNT_OK)
        status = device->ops->op_launch(step->op, queue, step->input_args, step->output_args, step->workspace, event);
    if (status == SHUNT_OK) return SHUNT_OK;
    device_fail(device, status, "running");
    return error_context(status, "%s", step->name);
}

shunt_status plan_write_inputs(graph_plan *plan, const shunt_tensor *inputs)
{
    for (uint32_t i = 0; i < plan->graph->ninputs; i++) {
        const plan_value *value = &plan->values[plan->inputs[i]];
        const shunt_device *device = plan->executor->devices[value->device];
        shunt_status status = device->ops->write(plan->executor->queues[value->device], plan_arg(plan, plan->inputs[i]),
                                                 inputs[i].data, shunt_tensor_bytes(&value->desc), NULL);
        if (status != SHUNT_OK) return device_fail(device, status, "writing an input");
    }
    return SHUNT_OK;
}

static shunt_status read_outputs(graph_plan *plan, const shunt_tensor *outputs)
{
    for (uint32_t i = 0; i < plan->graph->noutputs; i++) {
        const plan_value *value = &plan->values[plan->outputs[i]];
        const shunt_device *device = plan->executor->devices[value->device];
        shunt_status status =
            device->ops->read(plan->executor->queues[value->device], outputs[i].data, plan_arg(plan, plan->outputs[i]),
                              shunt_tensor_bytes(&value->desc), NULL);
        if (status != SHUNT_OK) return device_fail(device, status, "reading an output");
    }
    return SHUNT_OK;
}

/* Waits for both devices, whatever happened before: the caller's memory may be named in what still runs. */
static shunt_status finish(graph_plan *plan, shunt_status status)
{
    for (int d = 0; d < PLAN_DEVICES; d++) {
        if (!plan->executor->queues[d]) continue;
        const shunt_device *device = plan->executor->devices[d];
        shunt_status finished = device->ops->queue_finish(plan->executor->queues[d]);
        if (status == SHUNT_OK && finished != SHUNT_OK) status = device_fail(device, finished, "running");
    }
    return status;
}

/* Of a step: of what packs for it, and its own. */
typedef struct step_events {
    shunt_bevent *packed, *own;
} step_events;

/* Adds the time of an event. One that cannot be had counts as none. */
static void note_time(plan_step *step, const shunt_device *device, shunt_bevent *event)
{
    uint64_t start, end;
    if (!event || !device->ops->event_time || device->ops->event_time(event, &start, &end) != SHUNT_OK) return;
    step->nanoseconds += end - start;
    if (trace_wanted()) trace_add(step, device->entry.selector, start, end);
}

static void note_times(graph_plan *plan, const step_events *events)
{
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        plan_step *step = &plan->steps[s];
        const shunt_device *device = plan->executor->devices[step->device];
        step->nanoseconds = 0;
        note_time(step, device, events[s].packed);
        note_time(step, device, events[s].own);
    }
}

static void release_events(const graph_plan *plan, step_events *events)
{
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const shunt_device *device = plan->executor->devices[plan->steps[s].device];
        if (events[s].packed) device->ops->event_release(events[s].packed);
        if (events[s].own) device->ops->event_release(events[s].own);
    }
    free(events);
}

shunt_status plan_run(graph_plan *plan, const shunt_tensor *inputs, const shunt_tensor *outputs)
{
    step_events *events = NULL;
    if (plan->executor->profiling && !(events = calloc(plan->nsteps + 1, sizeof *events))) return error_memory();
    plan->runs++;
    shunt_status status = plan_write_inputs(plan, inputs);
    for (uint32_t s = 0; status == SHUNT_OK && s < plan->nsteps; s++)
        status = plan_launch(plan, &plan->steps[s], events ? &events[s].packed : NULL, events ? &events[s].own : NULL);
    if (status == SHUNT_OK) status = read_outputs(plan, outputs);
    if (status != SHUNT_OK) exchange_give_up(plan);
    status = finish(plan, status);
    if (events) {
        if (status == SHUNT_OK) note_times(plan, events);
        release_events(plan, events);
    }
    return status;
}
