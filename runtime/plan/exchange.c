/* exchange.c - see exchange.h: the host memory of exchanges, and their steps in a run. */
#include "runtime/plan/exchange.h"
#include "runtime/base/error.h"

#include <stdlib.h>
#include <time.h>

static const shunt_ranks_info *ranks_of(const plan_exchange *self)
{
    return shunt_ranks_describe(self->plan->executor->ranks);
}

static uint64_t bytes_of(const graph_plan *plan, int32_t value)
{
    return shunt_tensor_bytes(&plan->values[value].desc);
}

/* Its end, its begin, and the whole. */
static const char *const exchange_labels[][3] = {
    [EXCHANGE_SUM] = {"get sum", "send to sum", "sum"},
    [EXCHANGE_GATHER] = {"get pieces", "send piece", "pieces"},
    [EXCHANGE_STATISTICS] = {"get statistics", "send statistics", "statistics"},
    [EXCHANGE_SUMS] = {"get norm sums", "send norm sums", "norm sums"},
    [EXCHANGE_TOTAL] = {"get total", "send total", "total"}};

const char *exchange_label(const plan_step *step)
{
    return exchange_labels[step->exchange->kind][step->begins];
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static uint8_t *allocate(plan_exchange *self, int index, uint64_t bytes)
{
    return self->own[index] = malloc(bytes);
}

/* Where a value of the main device lies, if that is the host's memory. */
static shunt_status map(const graph_plan *plan, int32_t value, uint8_t **out)
{
    const shunt_device *device = plan->executor->devices[PLAN_MAIN];
    const shunt_arg arg = plan_arg(plan, 0, value);
    void *memory = NULL;
    shunt_status status = device->ops->buffer_map(device->handle, arg.buffer, &memory);
    if (status != SHUNT_OK) return device_fail(device, status, "mapping memory");
    *out = (uint8_t *)memory + arg.offset;
    return SHUNT_OK;
}

static bool is_host_memory(const graph_plan *plan)
{
    const shunt_device *device = plan->executor->devices[PLAN_MAIN];
    return device->entry.info.caps & SHUNT_CAP_HOST_MEMORY && device->ops->buffer_map;
}

/* Of a sum the result takes the place of what was sent, once that has arrived. What is sent narrow, and what comes, are half as large
 * each. */
static shunt_status prepare_sum(plan_exchange *self)
{
    const bool narrow =
        self->plan->executor->bf16_gradients && self->plan->values[self->sources[0]].desc.dtype == SHUNT_F32;
    const uint64_t sent = narrow ? self->bytes / 2 : self->bytes;
    self->job = (pump_job){.kind = PUMP_ALL_TO_ALL, .bytes = sent / ranks_of(self)->count};
    if (!allocate(self, 1, self->bytes)) return error_memory();
    self->pieces = self->own[1];
    if (narrow) self->narrow = (uint16_t *)(self->pieces + sent);
    self->mapped = is_host_memory(self->plan);
    if (self->mapped) {
        shunt_status status = map(self->plan, self->sources[0], &self->send);
        return status ? status : map(self->plan, self->targets[0], &self->result);
    }
    self->send = self->result = allocate(self, 0, self->bytes);
    return self->send ? SHUNT_OK : error_memory();
}

static shunt_status prepare_gather(plan_exchange *self)
{
    shunt_status status = SHUNT_OK;
    self->job = (pump_job){.kind = PUMP_ALL_GATHER, .bytes = self->bytes};
    self->mapped = is_host_memory(self->plan);
    if (self->mapped)
        status = map(self->plan, self->targets[0], &self->pieces);
    else
        self->pieces = self->lender ? self->lender->pieces : allocate(self, 1, bytes_of(self->plan, self->targets[0]));
    if (status || !self->pieces) return status ? status : error_memory();
    self->result = self->pieces;
    self->send = self->pieces + ranks_of(self)->rank * self->bytes;
    return SHUNT_OK;
}

static shunt_status prepare_small(plan_exchange *self)
{
    self->job = (pump_job){.kind = PUMP_ALL_GATHER, .bytes = self->bytes};
    self->send = allocate(self, 0, 2 * self->bytes);
    self->pieces = allocate(self, 1, ranks_of(self)->count * self->bytes);
    if (!self->send || !self->pieces) return error_memory();
    self->result = self->send + self->bytes;
    return SHUNT_OK;
}

/* A device's clock is behind the host's by no more than what lies between the end of a command and the moment in which that is seen. */
static void note_clock(plan_exchange *self, const shunt_device *device)
{
    struct timespec now;
    uint64_t start, end;
    if (!device->ops->event_time || clock_gettime(CLOCK_MONOTONIC, &now)) return;
    if (device->ops->event_time(self->event, &start, &end) != SHUNT_OK) return;
    self->behind = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - (int64_t)end;
    self->timed = true;
}

/* Whether what is sent can be read. */
static shunt_status poll_event(plan_exchange *self, int *yes)
{
    const shunt_device *device = self->plan->executor->devices[PLAN_MAIN];
    *yes = 1;
    if (!self->event) return SHUNT_OK;
    shunt_status status =
        device->ops->event_poll ? device->ops->event_poll(self->event, yes) : device->ops->event_wait(self->event);
    if (status == SHUNT_OK && !*yes) return SHUNT_OK;
    if (status == SHUNT_OK && self->plan->executor->profiling) note_clock(self, device);
    device->ops->event_release(self->event);
    self->event = NULL;
    return status == SHUNT_OK ? SHUNT_OK : device_fail(device, status, "running");
}

/* The same, for the pump, which narrows it as well. */
static shunt_status is_ready(void *context, int *yes)
{
    plan_exchange *self = context;
    shunt_status status = poll_event(self, yes);
    if (status == SHUNT_OK && *yes && self->narrow) exchange_narrow(self);
    return status;
}

shunt_status exchange_prepare(graph_plan *plan)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; status == SHUNT_OK && i < plan->nexchanges; i++) {
        plan_exchange *self = plan->exchanges[i];
        for (uint32_t k = 0; k < self->nsources; k++) self->bytes += bytes_of(plan, self->sources[k]);
        if (self->kind == EXCHANGE_SUM)
            status = prepare_sum(self);
        else
            status = self->kind == EXCHANGE_GATHER ? prepare_gather(self) : prepare_small(self);
        self->job.src = self->narrow ? (const void *)self->narrow : self->send;
        self->job.dst = self->pieces;
        self->job.ready = is_ready;
        self->job.after = exchange_combine;
        self->job.context = self;
    }
    return status;
}

void exchange_free(graph_plan *plan)
{
    for (uint32_t i = 0; i < plan->nexchanges; i++) {
        free(plan->exchanges[i]->own[0]);
        free(plan->exchanges[i]->own[1]);
        free(plan->exchanges[i]);
    }
    free(plan->exchanges);
    free(plan->rank_weights);
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

static pump *pump_of(const plan_exchange *self)
{
    return ranks_pump(self->plan->executor->ranks);
}

/* What is host memory is not read, but the ops before it have to be done: a word of it is, behind them. */
static shunt_status read_sources(plan_exchange *self)
{
    graph_plan *plan = self->plan;
    uint64_t at = 0;
    for (uint32_t i = 0; i < self->nsources; i++) {
        const plan_value *value = &plan->values[self->sources[i]];
        const shunt_device *device = plan->executor->devices[value->device];
        shunt_bqueue *queue = plan->executor->queues[value->device];
        const uint64_t bytes = bytes_of(plan, self->sources[i]);
        const bool last = value->device == PLAN_MAIN && i + 1 == self->nsources;
        shunt_status status = device->ops->read(queue, self->mapped ? (void *)&self->mark : self->send + at,
                                                plan_arg(plan, 0, self->sources[i]),
                                                self->mapped ? sizeof self->mark : bytes, last ? &self->event : NULL);
        if (status == SHUNT_OK) status = last ? device->ops->queue_flush(queue) : device->ops->queue_finish(queue);
        if (status != SHUNT_OK) return device_fail(device, status, "reading what the ranks exchange");
        at += bytes;
    }
    return SHUNT_OK;
}

static shunt_status write_targets(plan_exchange *self)
{
    graph_plan *plan = self->plan;
    uint64_t at = 0;
    for (uint32_t i = 0; i < self->ntargets && !self->mapped; i++) {
        const plan_value *value = &plan->values[self->targets[i]];
        const shunt_device *device = plan->executor->devices[value->device];
        const uint64_t bytes = bytes_of(plan, self->targets[i]);
        shunt_status status = device->ops->write(plan->executor->queues[value->device],
                                                 plan_arg(plan, 0, self->targets[i]), self->result + at, bytes, NULL);
        if (status != SHUNT_OK) return device_fail(device, status, "writing what the ranks exchange");
        at += bytes;
    }
    return SHUNT_OK;
}

static shunt_status begin(plan_exchange *self)
{
    if (!pump_of(self)) return error_fail(SHUNT_E_UNSUPPORTED, "the plan is that of ranks that are not there");
    shunt_status status = read_sources(self);
    if (status != SHUNT_OK) return status;
    self->posted = true;
    pump_post(pump_of(self), &self->job);
    return SHUNT_OK;
}

static shunt_status finish(plan_exchange *self)
{
    shunt_status status = pump_wait(pump_of(self), &self->job);
    self->posted = false;
    if (status != SHUNT_OK) return ranks_context(self->plan->executor->ranks, status);
    return write_targets(self);
}

shunt_status exchange_launch(plan_step *step)
{
    return step->begins ? begin(step->exchange) : finish(step->exchange);
}

void exchange_trace(const graph_plan *plan)
{
    int64_t behind = INT64_MAX;
    for (uint32_t i = 0; i < plan->nexchanges; i++)
        if (plan->exchanges[i]->timed && plan->exchanges[i]->behind < behind) behind = plan->exchanges[i]->behind;
    for (uint32_t i = 0; i < plan->nexchanges; i++) {
        const plan_exchange *self = plan->exchanges[i];
        const uint64_t by = behind == INT64_MAX ? 0 : (uint64_t)behind;
        trace_add_exchange(self->name, exchange_labels[self->kind][2], self->job.started - by, self->job.ended - by,
                           self->job.bytes * (ranks_of(self)->count - 1));
        if (self->job.awaited < self->job.ended)
            trace_add_exchange(self->name, "waiting", self->job.awaited - by, self->job.ended - by, 0);
    }
}

void exchange_give_up(graph_plan *plan)
{
    if (!plan->nexchanges || !ranks_pump(plan->executor->ranks)) return;
    pump_give_up(ranks_pump(plan->executor->ranks));
    for (uint32_t i = 0; i < plan->nexchanges; i++) {
        plan_exchange *self = plan->exchanges[i];
        if (self->posted) pump_wait(pump_of(self), &self->job);
        self->posted = false;
        if (self->event) plan->executor->devices[PLAN_MAIN]->ops->event_release(self->event);
        self->event = NULL;
    }
}
