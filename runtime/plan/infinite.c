/* infinite.c - runs that overflowed a 16-bit type: found by their outputs, explained by running the plan once more, step by
 * step. */
#include "runtime/base/error.h"
#include "runtime/plan/plan.h"

#include <math.h>
#include <stdlib.h>

static bool all_finite(const shunt_tensor *tensor)
{
    const uint64_t count = shunt_tensor_count(&tensor->desc);
    const float *data = tensor->data;
    if (tensor->desc.dtype != SHUNT_F32 || tensor->buffer) return true;
    for (uint64_t i = 0; i < count; i++)
        if (!isfinite(data[i])) return false;
    return true;
}

bool plan_overflowed(const graph_plan *plan, const plan_request *request)
{
    bool finite = true;
    for (uint32_t i = 0; i < plan->graph->noutputs; i++) finite = finite && all_finite(&request->outputs[i]);
    if (finite) return false;
    for (uint32_t i = 0; i < plan->graph->ninputs; i++)
        if (!all_finite(&request->inputs[i])) return false;
    return true;
}

static bool is_infinite(uint8_t dtype, const void *data, uint64_t i)
{
    const uint16_t *halves = data;
    if (dtype == SHUNT_F32) return !isfinite(((const float *)data)[i]);
    return !isfinite(dtype == SHUNT_F16 ? shunt_from_f16(halves[i]) : shunt_from_bf16(halves[i]));
}

/* Whether what the step has just made is not finite everywhere. */
static shunt_status look(graph_plan *plan, uint32_t stream, uint32_t number, bool *infinite)
{
    const plan_step *step = &plan->steps[number];
    const shunt_arg place = plan->streams[stream].args[number].outputs[0];
    const shunt_device *device = plan->executor->devices[step->device];
    shunt_bqueue *queue = plan_queue(plan, stream, step->device);
    const shunt_tensor_desc *dst = &step->desc.outputs[0];
    *infinite = false;
    if (dst->dtype != SHUNT_F32 && shunt_dtype_bytes(dst->dtype) != 2) return SHUNT_OK;
    void *data = malloc(shunt_tensor_bytes(dst));
    if (!data) return error_memory();
    shunt_status status = device->ops->read(queue, data, place, shunt_tensor_bytes(dst), NULL);
    const shunt_status finished = device->ops->queue_finish(queue);
    if (status == SHUNT_OK) status = finished;
    for (uint64_t i = 0; status == SHUNT_OK && i < shunt_tensor_storage(dst) && !*infinite; i++)
        *infinite = is_infinite(dst->dtype, data, i);
    free(data);
    return status == SHUNT_OK ? SHUNT_OK : device_fail(device, status, "reading a result");
}

shunt_status plan_say_overflow(graph_plan *plan, const plan_request *request)
{
    bool infinite = false;
    shunt_status status = plan_write_inputs(plan, request);
    for (uint32_t s = 0; status == SHUNT_OK && s < plan->nsteps && !infinite; s++) {
        const plan_step *step = &plan->steps[s];
        status = plan_launch(plan, request->stream, s, NULL);
        if (status == SHUNT_OK) status = look(plan, request->stream, s, &infinite);
        if (infinite)
            log_write(SHUNT_LOG_WARN, "%s: results overflow %s; this run, and others like it, are repeated in f32",
                      step->name, shunt_dtype_name(plan->dtype));
    }
    return status;
}
