/* fetch.c - brings back what the runs of a training graph have made of its parameters. */
#include "runtime/base/error.h"
#include "runtime/plan/plan.h"

#include <stdlib.h>

static shunt_status fetch_one(shunt_executor *executor, shunt_value number, shunt_weights *weights)
{
    const graph_value *value = &executor->graph->values[number];
    const shunt_device *device = executor->devices[PLAN_MAIN];
    const uint64_t bytes = shunt_tensor_bytes(&value->desc);
    shunt_arg place;
    if (!parameter_state(executor, number, &place)) { /* nothing has run yet */
        const shunt_tensor_view *old = shunt_weights_find(executor->weights, value->name);
        return weights == executor->weights ? SHUNT_OK : shunt_weights_set(weights, value->name, &old->desc, old->data);
    }
    void *data = malloc(bytes);
    if (!data) return error_memory();
    shunt_bqueue *queue = executor->queues[PLAN_MAIN];
    shunt_status status = device->ops->read(queue, data, place, bytes, NULL);
    shunt_status finished = device->ops->queue_finish(queue);
    if (status == SHUNT_OK) status = finished;
    if (status != SHUNT_OK)
        device_fail(device, status, "reading a parameter");
    else
        status = shunt_weights_set(weights, value->name, &value->desc, data);
    free(data);
    return status;
}

/* Of a flat value each rank has its own piece as it is now: all get the whole. */
static shunt_status collect(shunt_executor *executor, shunt_value flat)
{
    const shunt_device *device = executor->devices[PLAN_MAIN];
    const shunt_ranks_info *here = shunt_ranks_describe(executor->ranks);
    const uint64_t bytes = shunt_tensor_bytes(&executor->graph->values[flat].desc), piece = bytes / here->count;
    shunt_arg place;
    if (!parameter_state(executor, flat, &place)) return SHUNT_OK; /* nothing has run yet */
    uint8_t *whole = malloc(bytes);
    if (!whole) return error_memory();
    shunt_bqueue *queue = executor->queues[PLAN_MAIN];
    const shunt_arg own = {place.buffer, place.offset + here->rank * piece};
    shunt_status status = device->ops->read(queue, whole + here->rank * piece, own, piece, NULL),
                 finished = device->ops->queue_finish(queue);
    if (status == SHUNT_OK) status = finished;
    if (status != SHUNT_OK) device_fail(device, status, "reading a parameter");
    if (status == SHUNT_OK) status = ranks_all_gather(executor->ranks, whole + here->rank * piece, whole, piece);
    if (status == SHUNT_OK) {
        status = device->ops->write(queue, place, whole, bytes, NULL), finished = device->ops->queue_finish(queue);
        if (status == SHUNT_OK) status = finished;
        if (status != SHUNT_OK) device_fail(device, status, "writing a parameter");
    }
    free(whole);
    return status;
}

/* Each rank has only its piece of the velocities. This collects the whole of them. */
static shunt_status collect_all(shunt_executor *executor)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t o = 0; executor->ranks && o < executor->graph->nops; o++) {
        const graph_op *op = &executor->graph->ops[o];
        for (uint32_t i = 1; status == SHUNT_OK && i < op_replaced(op->kind); i++)
            if (executor->graph->values[op->inputs[i]].source == VALUE_FLAT) status = collect(executor, op->inputs[i]);
    }
    return status;
}

shunt_status shunt_executor_fetch(shunt_executor *executor, shunt_weights *weights)
{
    if (!executor || !weights) return error_fail(SHUNT_E_INVALID, "fetch: executor or weights missing");
    pthread_mutex_lock(&executor->lock);
    shunt_status status = collect_all(executor);
    for (uint32_t v = 0; v < executor->graph->nvalues && status == SHUNT_OK; v++) {
        const graph_value *value = &executor->graph->values[v];
        if (!value->state || value->source != VALUE_PARAMETER) continue;
        status = fetch_one(executor, (shunt_value)v, weights);
        if (status != SHUNT_OK) error_context(status, "%s", value->name);
    }
    pthread_mutex_unlock(&executor->lock);
    return status;
}
