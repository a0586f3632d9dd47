/* queue.c - queues, transfers and events. A command is done when its function returns, so waiting is free. */
#include "scalar.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* That a thread may need for any op. */
static size_t most_scratch(void)
{
    size_t most = 0;
    for (int kind = 0; kind < SHUNT_OP_KINDS; kind++) {
        const scalar_op *ops[] = {scalar_ops_f32[kind], scalar_ops_f64[kind]};
        for (int i = 0; i < 2; i++)
            if (ops[i] && ops[i]->scratch > most) most = ops[i]->scratch;
    }
    return most;
}

shunt_status scalar_queue_create(shunt_bdevice *device, int profiling, shunt_bqueue **out)
{
    if (!device || !out) return scalar_fail(SHUNT_E_INVALID, "queue_create: an argument is NULL");
    shunt_bqueue *queue = malloc(sizeof *queue);
    if (!queue) return scalar_fail_memory();
    *queue = (shunt_bqueue){
        .profiling = profiling != 0,
        .scratch = malloc(most_scratch() * (size_t)((const scalar_device *)device)->threads),
    };
    if (!queue->scratch) {
        free(queue);
        return scalar_fail_memory();
    }
    *out = queue;
    return SHUNT_OK;
}

void scalar_queue_destroy(shunt_bdevice *device, shunt_bqueue *queue)
{
    (void)device;
    if (queue) free(queue->scratch);
    free(queue);
}

shunt_status scalar_queue_flush(shunt_bqueue *queue)
{
    (void)queue;
    return SHUNT_OK;
}

shunt_status scalar_queue_finish(shunt_bqueue *queue)
{
    (void)queue;
    return SHUNT_OK;
}

static uint64_t nanoseconds(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now)) return 0;
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

shunt_status scalar_event_begin(const shunt_bqueue *queue, shunt_bevent **event)
{
    if (!queue) return scalar_fail(SHUNT_E_INVALID, "a command without a queue");
    if (!event) return SHUNT_OK;
    shunt_bevent *made = calloc(1, sizeof *made);
    if (!made) return scalar_fail_memory();
    made->timed = queue->profiling;
    made->start = made->timed ? nanoseconds() : 0;
    *event = made;
    return SHUNT_OK;
}

void scalar_event_end(shunt_bevent **event)
{
    if (event && (*event)->timed) (*event)->end = nanoseconds();
}

shunt_status scalar_resolve(shunt_arg arg, uint64_t bytes, const char *what, unsigned char **out)
{
    if (!arg.buffer) return scalar_fail(SHUNT_E_INVALID, "%s has no buffer", what);
    if (arg.offset % SCALAR_ALIGNMENT)
        return scalar_fail(SHUNT_E_INVALID, "%s: offset %llu is not a multiple of %d", what,
                           (unsigned long long)arg.offset, SCALAR_ALIGNMENT);
    if (arg.offset > arg.buffer->bytes || bytes > arg.buffer->bytes - arg.offset)
        return scalar_fail(SHUNT_E_INVALID, "%s: %llu bytes at offset %llu do not fit a buffer of %llu", what,
                           (unsigned long long)bytes, (unsigned long long)arg.offset,
                           (unsigned long long)arg.buffer->bytes);
    *out = arg.buffer->data + arg.offset;
    return SHUNT_OK;
}

shunt_status scalar_write(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes, shunt_bevent **event)
{
    unsigned char *to = NULL;
    shunt_status status = scalar_resolve(dst, bytes, "write: dst", &to);
    if (!status && !src) status = scalar_fail(SHUNT_E_INVALID, "write: src is NULL");
    if (!status) status = scalar_event_begin(queue, event);
    if (status) return status;
    memcpy(to, src, (size_t)bytes);
    scalar_event_end(event);
    return SHUNT_OK;
}

shunt_status scalar_read(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes, shunt_bevent **event)
{
    unsigned char *from = NULL;
    shunt_status status = scalar_resolve(src, bytes, "read: src", &from);
    if (!status && !dst) status = scalar_fail(SHUNT_E_INVALID, "read: dst is NULL");
    if (!status) status = scalar_event_begin(queue, event);
    if (status) return status;
    memcpy(dst, from, (size_t)bytes);
    scalar_event_end(event);
    return SHUNT_OK;
}

shunt_status scalar_copy(shunt_bqueue *queue, shunt_arg dst, shunt_arg src, uint64_t bytes, shunt_bevent **event)
{
    unsigned char *from = NULL, *to = NULL;
    shunt_status status = scalar_resolve(src, bytes, "copy: src", &from);
    if (!status) status = scalar_resolve(dst, bytes, "copy: dst", &to);
    if (!status) status = scalar_event_begin(queue, event);
    if (status) return status;
    memmove(to, from, (size_t)bytes);
    scalar_event_end(event);
    return SHUNT_OK;
}

shunt_status scalar_fill(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes, shunt_bevent **event)
{
    unsigned char *to = NULL;
    shunt_status status = scalar_resolve(dst, bytes, "fill: dst", &to);
    if (!status && bytes % sizeof word)
        status = scalar_fail(SHUNT_E_INVALID, "fill: %llu bytes are not whole words", (unsigned long long)bytes);
    if (!status) status = scalar_event_begin(queue, event);
    if (status) return status;
    for (uint64_t i = 0; i < bytes; i += sizeof word) memcpy(to + i, &word, sizeof word);
    scalar_event_end(event);
    return SHUNT_OK;
}

shunt_status scalar_queue_wait(shunt_bqueue *queue, shunt_bevent *event)
{
    (void)queue;
    return scalar_event_wait(event);
}

shunt_status scalar_event_wait(shunt_bevent *event)
{
    return event ? SHUNT_OK : scalar_fail(SHUNT_E_INVALID, "there is no event to wait for");
}

shunt_status scalar_event_time(shunt_bevent *event, uint64_t *start, uint64_t *end)
{
    if (!event || !start || !end)
        return scalar_fail(SHUNT_E_INVALID, "event_time: no event, or no place for its times");
    if (!event->timed) return scalar_fail(SHUNT_E_UNSUPPORTED, "event_time: the queue was made without profiling");
    *start = event->start;
    *end = event->end;
    return SHUNT_OK;
}

void scalar_event_release(shunt_bevent *event)
{
    free(event);
}
