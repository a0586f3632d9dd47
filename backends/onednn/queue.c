/* queue.c - queues, transfers and events. A command is done when its function returns, so waiting is free and an event
 * only keeps times. */
#include "onednn.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct shunt_bevent {
    uint64_t start, end; /* nanoseconds, CLOCK_MONOTONIC */
};

shunt_status onednn_queue_create(shunt_bdevice *device, int profiling, shunt_bqueue **out)
{
    shunt_bqueue *queue = calloc(1, sizeof *queue);
    if (!queue) return onednn_fail(SHUNT_E_MEMORY, "out of host memory");
    queue->profiling = profiling != 0;
    dnnl_engine_t engine = ((const onednn_device *)device)->engine;
    shunt_status status =
        onednn_check(dnnl_stream_create(&queue->stream, engine, dnnl_stream_default_flags), "dnnl_stream_create");
    if (status)
        free(queue);
    else
        *out = queue;
    return status;
}

void onednn_queue_destroy(shunt_bdevice *device, shunt_bqueue *queue)
{
    (void)device;
    if (queue) dnnl_stream_destroy(queue->stream);
    free(queue);
}

shunt_status onednn_queue_flush(shunt_bqueue *queue)
{
    (void)queue;
    return SHUNT_OK;
}

shunt_status onednn_queue_finish(shunt_bqueue *queue)
{
    return onednn_check(dnnl_stream_wait(queue->stream), "dnnl_stream_wait");
}

uint64_t onednn_now(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now)) return 0;
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

shunt_status onednn_event_make(uint64_t start, shunt_bevent **event)
{
    if (!event) return SHUNT_OK;
    shunt_bevent *made = malloc(sizeof *made);
    if (!made) return onednn_fail(SHUNT_E_MEMORY, "out of host memory");
    *made = (shunt_bevent){.start = start, .end = onednn_now()};
    *event = made;
    return SHUNT_OK;
}

shunt_status onednn_resolve(shunt_arg arg, uint64_t bytes, const char *what, unsigned char **out)
{
    if (!arg.buffer) return onednn_fail(SHUNT_E_INVALID, "%s has no buffer", what);
    if (arg.offset % ONEDNN_ALIGNMENT)
        return onednn_fail(SHUNT_E_INVALID, "%s: offset %llu is not a multiple of %d", what,
                           (unsigned long long)arg.offset, ONEDNN_ALIGNMENT);
    if (arg.offset > arg.buffer->bytes || bytes > arg.buffer->bytes - arg.offset)
        return onednn_fail(SHUNT_E_INVALID, "%s: %llu bytes at offset %llu do not fit a buffer of %llu", what,
                           (unsigned long long)bytes, (unsigned long long)arg.offset,
                           (unsigned long long)arg.buffer->bytes);
    *out = arg.buffer->data + arg.offset;
    return SHUNT_OK;
}

shunt_status onednn_write(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes, shunt_bevent **event)
{
    (void)queue;
    uint64_t start = onednn_now();
    unsigned char *to = NULL;
    shunt_status status = onednn_resolve(dst, bytes, "write: dst", &to);
    if (status) return status;
    memcpy(to, src, (size_t)bytes);
    return onednn_event_make(start, event);
}

shunt_status onednn_read(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes, shunt_bevent **event)
{
    (void)queue;
    uint64_t start = onednn_now();
    unsigned char *from = NULL;
    shunt_status status = onednn_resolve(src, bytes, "read: src", &from);
    if (status) return status;
    memcpy(dst, from, (size_t)bytes);
    return onednn_event_make(start, event);
}

shunt_status onednn_copy(shunt_bqueue *queue, shunt_arg dst, shunt_arg src, uint64_t bytes, shunt_bevent **event)
{
    unsigned char *from = NULL;
    shunt_status status = onednn_resolve(src, bytes, "copy: src", &from);
    return status ? status : onednn_write(queue, dst, from, bytes, event);
}

shunt_status onednn_fill(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes, shunt_bevent **event)
{
    (void)queue;
    uint64_t start = onednn_now();
    unsigned char *to = NULL;
    shunt_status status = onednn_resolve(dst, bytes, "fill: dst", &to);
    if (status) return status;
    for (uint64_t i = 0; i + sizeof word <= bytes; i += sizeof word) memcpy(to + i, &word, sizeof word);
    return onednn_event_make(start, event);
}

shunt_status onednn_queue_wait(shunt_bqueue *queue, shunt_bevent *event)
{
    (void)queue, (void)event;
    return SHUNT_OK;
}

shunt_status onednn_event_wait(shunt_bevent *event)
{
    (void)event;
    return SHUNT_OK;
}

shunt_status onednn_event_time(shunt_bevent *event, uint64_t *start, uint64_t *end)
{
    *start = event->start;
    *end = event->end;
    return SHUNT_OK;
}

void onednn_event_release(shunt_bevent *event)
{
    free(event);
}
