/* device.c - the device: its parameters, its buffers (aligned host memory), its table of functions. */
#include "onednn.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 1024 };

int onednn_enter(const onednn_device *device)
{
    int before = omp_get_max_threads();
    if (before != device->threads) omp_set_num_threads(device->threads);
    return before;
}

void onednn_leave(int before)
{
    if (before != omp_get_max_threads()) omp_set_num_threads(before);
}

/* params is NULL, "" or "threads=N". */
static shunt_status parse_params(const char *params, int *threads)
{
    static const char key[] = "threads=";
    *threads = omp_get_max_threads();
    if (!params || !*params) return SHUNT_OK;
    if (strncmp(params, key, sizeof key - 1))
        return onednn_fail(SHUNT_E_INVALID, "device parameters \"%s\": onednn knows only threads=N", params);
    char *end;
    long n = strtol(params + sizeof key - 1, &end, 10);
    if (end == params + sizeof key - 1 || *end || n < 1 || n > MOST_THREADS)
        return onednn_fail(SHUNT_E_INVALID, "device parameters \"%s\": threads must be 1 to %d", params, MOST_THREADS);
    *threads = (int)n;
    return SHUNT_OK;
}

static void device_close(shunt_bdevice *handle)
{
    onednn_device *device = (onednn_device *)handle;
    dnnl_engine_destroy(device->engine);
    free(device);
}

static shunt_status buffer_alloc(shunt_bdevice *device, uint64_t bytes, uint32_t usage, shunt_bbuffer **out)
{
    (void)device, (void)usage;
    shunt_bbuffer *buffer = malloc(sizeof *buffer);
    void *data = NULL;
    if (!buffer || bytes == 0 || bytes > SIZE_MAX || posix_memalign(&data, ONEDNN_ALIGNMENT, (size_t)bytes)) {
        free(buffer);
        return onednn_fail(SHUNT_E_MEMORY, "no memory for a buffer of %llu bytes", (unsigned long long)bytes);
    }
    *buffer = (shunt_bbuffer){.bytes = bytes, .data = data};
    *out = buffer;
    return SHUNT_OK;
}

static void buffer_free(shunt_bdevice *device, shunt_bbuffer *buffer)
{
    (void)device;
    if (buffer) free(buffer->data);
    free(buffer);
}

static shunt_status buffer_map(shunt_bdevice *device, shunt_bbuffer *buffer, void **host)
{
    (void)device;
    *host = buffer->data;
    return SHUNT_OK;
}

static void buffer_unmap(shunt_bdevice *device, shunt_bbuffer *buffer)
{
    (void)device, (void)buffer;
}

static const shunt_device_ops table = {
    .size = sizeof table,
    .close = device_close,
    .buffer_alloc = buffer_alloc,
    .buffer_free = buffer_free,
    .buffer_map = buffer_map,
    .buffer_unmap = buffer_unmap,
    .queue_create = onednn_queue_create,
    .queue_destroy = onednn_queue_destroy,
    .queue_flush = onednn_queue_flush,
    .queue_finish = onednn_queue_finish,
    .write = onednn_write,
    .read = onednn_read,
    .copy = onednn_copy,
    .fill = onednn_fill,
    .queue_wait = onednn_queue_wait,
    .event_wait = onednn_event_wait,
    .event_time = onednn_event_time,
    .event_release = onednn_event_release,
    .op_query = onednn_op_query,
    .op_prepare = onednn_op_prepare,
    .op_info = onednn_op_info,
    .op_pack = onednn_op_pack,
    .op_launch = onednn_op_launch,
    .op_destroy = onednn_op_destroy,
};

shunt_status onednn_device_open(uint32_t index, const char *params, shunt_bdevice **out)
{
    if (index > 0) return onednn_fail(SHUNT_E_NOT_FOUND, "there is no onednn device %u; the only one is 0", index);
    int threads;
    shunt_status status = parse_params(params, &threads);
    if (status) return status;
    onednn_device *device = malloc(sizeof *device);
    if (!device) return onednn_fail(SHUNT_E_MEMORY, "out of host memory");
    *device = (onednn_device){.base = {.ops = &table}, .threads = threads};
    status = onednn_check(dnnl_engine_create(&device->engine, dnnl_cpu, 0), "dnnl_engine_create");
    if (status) {
        free(device);
        return status;
    }
    *out = &device->base;
    return SHUNT_OK;
}
