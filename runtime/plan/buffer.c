/* buffer.c - memory of a device that keeps its content between runs, and the order of the runs that use it. */
#include "runtime/plan/buffer.h"

#include "runtime/base/error.h"
#include "runtime/device/fork.h"
#include "runtime/plan/event.h"

#include <stdlib.h>
#include <string.h>

struct shunt_buffer {
    shunt_device *device;
    shunt_bbuffer *memory;
    shunt_bqueue *queue; /* for write and read; NULL: not needed yet */
    uint64_t bytes;
    uint32_t access;      /* SHUNT_ACCESS_* */
    pthread_mutex_t lock; /* of what follows */
    bool mapped;
    shunt_event *last; /* the last run that was given the buffer; NULL: none, or done */
};

static shunt_status create(shunt_device *device, shunt_buffer **out)
{
    shunt_status status = fork_check();
    if (status != SHUNT_OK) return status;
    shunt_buffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer) return error_memory();
    if (pthread_mutex_init(&buffer->lock, NULL)) {
        free(buffer);
        return error_memory();
    }
    buffer->device = device;
    buffer->access = SHUNT_ACCESS_READ | SHUNT_ACCESS_WRITE;
    *out = buffer;
    return SHUNT_OK;
}

/* Gives the buffer out if status is OK; else ends it, and says what failed. */
static shunt_status finish_creating(shunt_buffer *buffer, shunt_status status, const char *what, shunt_buffer **out)
{
    if (status == SHUNT_OK) {
        *out = buffer;
        return SHUNT_OK;
    }
    buffer->memory = NULL;
    const shunt_device *device = buffer->device;
    shunt_buffer_destroy(buffer);
    return device_fail(device, status, what);
}

shunt_status shunt_buffer_create(shunt_device *device, uint64_t bytes, shunt_buffer **out)
{
    if (!device || !out) return error_null(__func__, "device, out");
    if (!bytes) return error_fail(SHUNT_E_INVALID, "a buffer of 0 bytes");
    if (bytes > device->entry.info.max_alloc)
        return error_fail(SHUNT_E_MEMORY, "%s: a buffer of %llu bytes; its largest has %llu", device->entry.selector,
                          (unsigned long long)bytes, (unsigned long long)device->entry.info.max_alloc);
    shunt_buffer *buffer = NULL;
    shunt_status status = create(device, &buffer);
    if (status != SHUNT_OK) return status;
    buffer->bytes = bytes;
    const uint32_t usage = SHUNT_USE_ACTIVATION | SHUNT_USE_STAGING;
    status = device->ops->buffer_alloc(device->handle, bytes, usage, &buffer->memory);
    return finish_creating(buffer, status, "allocating a buffer", out);
}

shunt_status shunt_buffer_wrap(shunt_device *device, void *memory, shunt_buffer **out)
{
    if (!device || !memory || !out) return error_null(__func__, "device, memory, out");
    if (!device->interop.buffer_wrap)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: its backend takes no memory of applications",
                          device->entry.selector);
    shunt_buffer *buffer = NULL;
    shunt_status status = create(device, &buffer);
    if (status != SHUNT_OK) return status;
    status = device->interop.buffer_wrap(device->handle, memory, &buffer->bytes, &buffer->access, &buffer->memory);
    return finish_creating(buffer, status, "taking a buffer of the application", out);
}

shunt_status shunt_buffer_memory(shunt_buffer *buffer, void **memory)
{
    if (!buffer || !memory) return error_null(__func__, "buffer, memory");
    const shunt_device *device = buffer->device;
    if (!device->interop.buffer_memory)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: its backend does not give its memory to applications",
                          device->entry.selector);
    const shunt_status status = device->interop.buffer_memory(buffer->memory, memory);
    return status == SHUNT_OK ? SHUNT_OK : device_fail(device, status, "giving a buffer's memory");
}

uint64_t shunt_buffer_bytes(const shunt_buffer *buffer)
{
    return buffer ? buffer->bytes : 0;
}

/* ---- Order ------------------------------------------------------------------------------------------------------- */

void buffer_note_run(shunt_buffer *buffer, shunt_event *run)
{
    event_keep(run);
    pthread_mutex_lock(&buffer->lock);
    shunt_event *before = buffer->last;
    buffer->last = run;
    pthread_mutex_unlock(&buffer->lock);
    shunt_event_release(before);
}

static shunt_event *last_run(shunt_buffer *buffer)
{
    pthread_mutex_lock(&buffer->lock);
    shunt_event *last = event_keep(buffer->last);
    pthread_mutex_unlock(&buffer->lock);
    return last;
}

shunt_status buffer_follow(shunt_buffer *buffer, shunt_bqueue *queue)
{
    shunt_event *last = last_run(buffer);
    shunt_status status = SHUNT_OK;
    if (last && last->last) status = buffer->device->ops->queue_wait(queue, last->last);
    shunt_event_release(last);
    return status == SHUNT_OK ? SHUNT_OK : device_fail(buffer->device, status, "waiting for a run");
}

/* On the host. A run that failed has told its own caller. */
static void wait_for_runs(shunt_buffer *buffer)
{
    shunt_event *last = last_run(buffer);
    if (!last) return;
    shunt_event_wait(last);
    shunt_event_release(last);
    buffer_note_run(buffer, NULL);
}

void shunt_buffer_destroy(shunt_buffer *buffer)
{
    if (!buffer) return;
    const shunt_device *device = buffer->device;
    wait_for_runs(buffer);
    if (buffer->mapped) device->ops->buffer_unmap(device->handle, buffer->memory);
    if (buffer->queue) device->ops->queue_destroy(device->handle, buffer->queue);
    device->ops->buffer_free(device->handle, buffer->memory);
    pthread_mutex_destroy(&buffer->lock);
    free(buffer);
}

/* ---- The host's access ------------------------------------------------------------------------------------------- */

static shunt_status check_range(const shunt_buffer *buffer, uint64_t offset, uint64_t bytes)
{
    const uint32_t alignment = buffer->device->entry.info.alignment;
    if (offset % alignment)
        return error_fail(SHUNT_E_INVALID, "%s: offset %llu in a buffer is no multiple of the device's alignment, %u",
                          buffer->device->entry.selector, (unsigned long long)offset, alignment);
    if (offset > buffer->bytes || bytes > buffer->bytes - offset)
        return error_fail(SHUNT_E_INVALID, "%llu bytes at offset %llu do not fit a buffer of %llu",
                          (unsigned long long)bytes, (unsigned long long)offset, (unsigned long long)buffer->bytes);
    return SHUNT_OK;
}

/* Waits for the runs, and makes the queue on first use. */
static shunt_status prepare(shunt_buffer *buffer, uint64_t offset, uint64_t bytes)
{
    const shunt_device *device = buffer->device;
    shunt_status status = check_range(buffer, offset, bytes);
    if (status != SHUNT_OK) return status;
    wait_for_runs(buffer);
    if (buffer->queue) return SHUNT_OK;
    status = device->ops->queue_create(device->handle, 0, &buffer->queue);
    if (status == SHUNT_OK) return SHUNT_OK;
    buffer->queue = NULL;
    return device_fail(device, status, "making a queue");
}

static shunt_status finish(shunt_buffer *buffer, shunt_status status, const char *what)
{
    const shunt_status finished = buffer->device->ops->queue_finish(buffer->queue);
    if (status == SHUNT_OK) status = finished;
    return status == SHUNT_OK ? SHUNT_OK : device_fail(buffer->device, status, what);
}

shunt_status shunt_buffer_write(shunt_buffer *buffer, uint64_t offset, const void *src, uint64_t bytes)
{
    if (!buffer || !src) return error_null(__func__, "buffer, src");
    shunt_status status = prepare(buffer, offset, bytes);
    if (status != SHUNT_OK || !bytes) return status;
    const shunt_arg dst = {buffer->memory, offset};
    status = buffer->device->ops->write(buffer->queue, dst, src, bytes, NULL);
    return finish(buffer, status, "writing a buffer");
}

shunt_status shunt_buffer_read(shunt_buffer *buffer, uint64_t offset, void *dst, uint64_t bytes)
{
    if (!buffer || !dst) return error_null(__func__, "buffer, dst");
    shunt_status status = prepare(buffer, offset, bytes);
    if (status != SHUNT_OK || !bytes) return status;
    const shunt_arg src = {buffer->memory, offset};
    status = buffer->device->ops->read(buffer->queue, dst, src, bytes, NULL);
    return finish(buffer, status, "reading a buffer");
}

static void set_mapped(shunt_buffer *buffer, bool mapped)
{
    pthread_mutex_lock(&buffer->lock);
    buffer->mapped = mapped;
    pthread_mutex_unlock(&buffer->lock);
}

shunt_status shunt_buffer_map(shunt_buffer *buffer, void **host)
{
    if (!buffer || !host) return error_null(__func__, "buffer, host");
    const shunt_device *device = buffer->device;
    if (!device->ops->buffer_map)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "%s: its memory cannot be mapped; use shunt_buffer_read and shunt_buffer_write",
                          device->entry.selector);
    if (buffer->mapped) return error_fail(SHUNT_E_INVALID, "the buffer is mapped already");
    wait_for_runs(buffer);
    const shunt_status status = device->ops->buffer_map(device->handle, buffer->memory, host);
    if (status != SHUNT_OK) return device_fail(device, status, "mapping a buffer");
    set_mapped(buffer, true);
    return SHUNT_OK;
}

void shunt_buffer_unmap(shunt_buffer *buffer)
{
    if (!buffer || !buffer->mapped) return;
    buffer->device->ops->buffer_unmap(buffer->device->handle, buffer->memory);
    set_mapped(buffer, false);
}

/* ---- Runs -------------------------------------------------------------------------------------------------------- */

static bool is_mapped(shunt_buffer *buffer)
{
    pthread_mutex_lock(&buffer->lock);
    const bool mapped = buffer->mapped;
    pthread_mutex_unlock(&buffer->lock);
    return mapped;
}

shunt_status buffer_check(const shunt_tensor *tensor, const shunt_device *device, bool result, const char *what,
                          size_t number)
{
    shunt_buffer *buffer = tensor->buffer;
    if (tensor->data) return error_fail(SHUNT_E_INVALID, "%s %zu has both data and a buffer", what, number);
    if (buffer->device != device)
        return error_fail(SHUNT_E_INVALID, "%s %zu: its buffer belongs to %s, opened apart, and the executor to %s",
                          what, number, buffer->device->entry.selector, device->entry.selector);
    if (!(buffer->access & (result ? SHUNT_ACCESS_WRITE : SHUNT_ACCESS_READ)))
        return error_fail(SHUNT_E_INVALID, "%s %zu: its buffer was made for %s only", what, number,
                          result ? "reading" : "writing");
    if (is_mapped(buffer)) return error_fail(SHUNT_E_INVALID, "%s %zu: its buffer is mapped", what, number);
    const shunt_status status = check_range(buffer, tensor->offset, shunt_tensor_bytes(&tensor->desc));
    return status == SHUNT_OK ? SHUNT_OK : error_context(status, "%s %zu", what, number);
}

shunt_arg buffer_arg(const shunt_tensor *tensor)
{
    return (shunt_arg){tensor->buffer->memory, tensor->offset};
}

/* Two buffers may be the same memory of the application. */
static bool same_memory(const shunt_buffer *a, const shunt_buffer *b)
{
    void *first = NULL, *second = NULL;
    if (a == b) return true;
    if (!a->device->interop.buffer_memory || a->device->interop.buffer_memory(a->memory, &first) ||
        a->device->interop.buffer_memory(b->memory, &second))
        return false;
    return first == second;
}

bool buffer_overlap(const shunt_tensor *a, const shunt_tensor *b)
{
    if (!a->buffer || !b->buffer || !same_memory(a->buffer, b->buffer)) return false;
    return a->offset < b->offset + shunt_tensor_bytes(&b->desc) && b->offset < a->offset + shunt_tensor_bytes(&a->desc);
}
