/* device.c - the device: its parameters, its buffers (aligned host memory), its table of functions. */
#include "host.h"
#include "scalar.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 1024 };

int scalar_default_threads(void)
{
    int threads = omp_get_max_threads();
    return threads < MOST_THREADS ? threads : MOST_THREADS;
}

/* params is NULL, "" or "threads=N". */
static shunt_status parse_params(const char *params, int *threads)
{
    static const char key[] = "threads=";
    *threads = scalar_default_threads();
    if (!params || !*params) return SHUNT_OK;
    if (strncmp(params, key, sizeof key - 1))
        return scalar_fail(SHUNT_E_INVALID, "device parameters \"%s\": scalar knows only threads=N", params);
    const char *digits = params + sizeof key - 1;
    char *end;
    long n = strtol(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || *end || n < 1 || n > MOST_THREADS)
        return scalar_fail(SHUNT_E_INVALID, "device parameters \"%s\": threads must be 1 to %d", params, MOST_THREADS);
    *threads = (int)n;
    return SHUNT_OK;
}

shunt_status scalar_device_open(uint32_t index, const char *params, shunt_bdevice **out)
{
    if (!out) return scalar_fail(SHUNT_E_INVALID, "device_open: out is NULL");
    if (index > 0) return scalar_fail(SHUNT_E_NOT_FOUND, "there is no scalar device %u; the only one is 0", index);
    int threads;
    shunt_status status = parse_params(params, &threads);
    if (status) return status;
    scalar_device *device = malloc(sizeof *device);
    if (!device) return scalar_fail_memory();
    *device = (scalar_device){.base = {.ops = &scalar_device_ops}, .threads = threads};
    *out = &device->base;
    return SHUNT_OK;
}

static void device_close(shunt_bdevice *device)
{
    free(device);
}

static shunt_status buffer_alloc(shunt_bdevice *device, uint64_t bytes, uint32_t usage, shunt_bbuffer **out)
{
    (void)device, (void)usage;
    if (!out || bytes == 0) return scalar_fail(SHUNT_E_INVALID, "a buffer of 0 bytes, or no place for it");
    if (bytes > scalar_memory())
        return scalar_fail(SHUNT_E_MEMORY, "a buffer of %llu bytes; this machine has %llu", (unsigned long long)bytes,
                           (unsigned long long)scalar_memory());
    shunt_bbuffer *buffer = malloc(sizeof *buffer);
    if (!buffer) return scalar_fail_memory();
    void *data = scalar_alloc(bytes);
    if (!data) {
        free(buffer);
        return scalar_fail(SHUNT_E_MEMORY, "no memory for %llu bytes", (unsigned long long)bytes);
    }
    *buffer = (shunt_bbuffer){.bytes = bytes, .data = data};
    *out = buffer;
    return SHUNT_OK;
}

static void buffer_free(shunt_bdevice *device, shunt_bbuffer *buffer)
{
    (void)device;
    if (!buffer) return;
    scalar_free(buffer->data);
    free(buffer);
}

static shunt_status buffer_map(shunt_bdevice *device, shunt_bbuffer *buffer, void **host)
{
    (void)device;
    if (!buffer || !host) return scalar_fail(SHUNT_E_INVALID, "buffer_map: no buffer, or no place for its pointer");
    *host = buffer->data;
    return SHUNT_OK;
}

static void buffer_unmap(shunt_bdevice *device, shunt_bbuffer *buffer)
{
    (void)device, (void)buffer;
}

const shunt_device_ops scalar_device_ops = {
    .size = sizeof scalar_device_ops,
    .close = device_close,
    .buffer_alloc = buffer_alloc,
    .buffer_free = buffer_free,
    .buffer_map = buffer_map,
    .buffer_unmap = buffer_unmap,
    .queue_create = scalar_queue_create,
    .queue_destroy = scalar_queue_destroy,
    .queue_flush = scalar_queue_flush,
    .queue_finish = scalar_queue_finish,
    .write = scalar_write,
    .read = scalar_read,
    .copy = scalar_copy,
    .fill = scalar_fill,
    .queue_wait = scalar_queue_wait,
    .event_wait = scalar_event_wait,
    .event_time = scalar_event_time,
    .event_release = scalar_event_release,
    .op_query = scalar_op_query,
    .op_prepare = scalar_op_prepare,
    .op_info = scalar_op_info,
    .op_launch = scalar_op_launch,
    .op_destroy = scalar_op_destroy,
    .measure = scalar_measure,
};
