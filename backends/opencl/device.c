/* device.c - opens a device: one context, and with threads=N only that many of a CPU's compute units. */
#include "gemm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void close_device(shunt_bdevice *base)
{
    ocl_device *device = (ocl_device *)base;
    ocl_gemm_forget();
    ocl_programs_free(device);
    cl_command_queue queues[] = {device->maps, device->shared};
    device->shared = NULL; /* no shunt_bqueue holds it any more */
    for (int i = 0; i < 2; i++)
        if (queues[i]) ocl_queue_release(device, queues[i]);
    if (device->context) clReleaseContext(device->context);
    if (device->id && device->id != device->found.id) clReleaseDevice(device->id);
    pthread_mutex_destroy(&device->lock);
    free(device);
}

static const shunt_device_ops device_ops = {
    .size = sizeof(shunt_device_ops),
    .close = close_device,
    .buffer_alloc = ocl_buffer_alloc,
    .buffer_free = ocl_buffer_free,
    .buffer_map = ocl_buffer_map,
    .buffer_unmap = ocl_buffer_unmap,
    .queue_create = ocl_queue_create,
    .queue_destroy = ocl_queue_destroy,
    .queue_flush = ocl_queue_flush,
    .queue_finish = ocl_queue_finish,
    .write = ocl_write,
    .read = ocl_read,
    .copy = ocl_copy,
    .fill = ocl_fill,
    .queue_wait = ocl_queue_wait,
    .event_wait = ocl_event_wait,
    .event_time = ocl_event_time,
    .event_release = ocl_event_release,
    .op_query = ocl_op_query,
    .op_prepare = ocl_op_prepare,
    .op_info = ocl_op_info,
    .op_pack = ocl_op_pack,
    .op_launch = ocl_op_launch,
    .op_destroy = ocl_op_destroy,
    .measure = ocl_measure,
    .packs_prepare = ocl_packs_prepare,
    .sums_prepare = ocl_sums_prepare,
    .event_poll = ocl_event_poll,
    .foresee = ocl_foresee,
};

/* "threads=N" is all there is. *threads stays 0 where it is not given. */
static shunt_status parse_params(const char *params, unsigned long *threads)
{
    for (const char *at = params ? params : ""; *at;) {
        size_t n = strcspn(at, ",");
        char *end;
        if (n > 8 && !strncmp(at, "threads=", 8) && at[8] >= '0' && at[8] <= '9') {
            errno = 0;
            *threads = strtoul(at + 8, &end, 10);
            if (errno || end != at + n || *threads == 0)
                return ocl_fail(SHUNT_E_INVALID, "%s: threads must be a number above 0", params);
        } else {
            return ocl_fail(SHUNT_E_INVALID, "%s: unknown parameter; OpenCL devices know threads=N", params);
        }
        at += n + (at[n] == ',');
    }
    return SHUNT_OK;
}

/* Replaces device->id by a part of it. */
static shunt_status partition(ocl_device *device, unsigned long threads)
{
    if (!ocl_is_cpu(device))
        return ocl_fail(SHUNT_E_UNSUPPORTED, "threads=%lu: %s is not a CPU", threads, device->found.info.name);
    if (threads > device->found.limits.units)
        return ocl_fail(SHUNT_E_UNSUPPORTED, "threads=%lu: %s has %u compute units", threads, device->found.info.name,
                        device->found.limits.units);
    if (threads == device->found.limits.units) return SHUNT_OK;
    const cl_device_partition_property how[] = {CL_DEVICE_PARTITION_BY_COUNTS, (cl_device_partition_property)threads,
                                                CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_device_id part;
    cl_int code = clCreateSubDevices(device->found.id, how, 1, &part, NULL);
    if (code) return ocl_fail_context(ocl_failed("clCreateSubDevices", code), "threads=%lu", threads);
    device->id = part;
    device->found.limits.units = (cl_uint)threads;
    return SHUNT_OK;
}

/* The driver's own messages; may come from its threads at any time. */
static void CL_CALLBACK notify(const char *text, const void *data, size_t bytes, void *context)
{
    (void)data, (void)bytes, (void)context;
    ocl_log(SHUNT_LOG_DEBUG, "opencl driver: %s", text);
}

static shunt_status start(ocl_device *device, const char *params)
{
    unsigned long threads = 0;
    shunt_status status = parse_params(params, &threads);
    if (!status && threads > 0) status = partition(device, threads);
    if (status) return status;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)device->found.platform, 0};
    cl_int code;
    device->context = clCreateContext(properties, 1, &device->id, notify, NULL, &code);
    if (!device->context) return ocl_failed("clCreateContext", code);
    device->maps = clCreateCommandQueue(device->context, device->id, 0, &code);
    if (!device->maps) return ocl_failed("clCreateCommandQueue", code);
    if (!ocl_takes_turns(&device->found.info)) return SHUNT_OK;
    device->shared = clCreateCommandQueue(device->context, device->id, 0, &code);
    return device->shared ? SHUNT_OK : ocl_failed("clCreateCommandQueue", code);
}

/* NULL without memory. */
static ocl_device *make_device(const ocl_found *found)
{
    ocl_device *device = calloc(1, sizeof *device);
    if (!device) return NULL;
    if (pthread_mutex_init(&device->lock, NULL)) {
        free(device);
        return NULL;
    }
    device->base.ops = &device_ops;
    device->found = *found;
    device->id = found->id;
    return device;
}

shunt_status ocl_device_open(uint32_t index, const char *params, shunt_bdevice **out)
{
    const ocl_found *found;
    uint32_t count;
    shunt_status status = ocl_find_devices(&found, &count);
    if (status) return status;
    if (index >= count) return ocl_fail(SHUNT_E_NOT_FOUND, "no OpenCL device %u: there are %u", index, count);
    ocl_device *device = make_device(&found[index]);
    if (!device) return ocl_fail_memory();
    status = start(device, params);
    if (status) {
        close_device(&device->base);
        return status;
    }
    *out = &device->base;
    return SHUNT_OK;
}

/* Context and queue are the application's; buffers are mapped on its queue, too, and so in the order of its commands. */
static shunt_status start_on(ocl_device *device, cl_command_queue queue)
{
    cl_context context;
    cl_int code = clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
    if (code) return ocl_failed("clGetCommandQueueInfo", code);
    code = clRetainContext(context);
    if (code) return ocl_failed("clRetainContext", code);
    device->context = context;
    for (int i = 0; i < 2; i++) {
        code = clRetainCommandQueue(queue);
        if (code) return ocl_failed("clRetainCommandQueue", code);
        *(i ? &device->maps : &device->shared) = queue;
    }
    device->adopted = true;
    return SHUNT_OK;
}

shunt_status ocl_device_open_on(cl_command_queue queue, const ocl_found *found, shunt_bdevice **out)
{
    ocl_device *device = make_device(found);
    if (!device) return ocl_fail_memory();
    shunt_status status = start_on(device, queue);
    if (status) {
        close_device(&device->base);
        return status;
    }
    *out = &device->base;
    return SHUNT_OK;
}
