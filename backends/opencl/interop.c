/* interop.c - objects that the application made with OpenCL: its queue as a device, its memory as buffers, its events. Whatever
 * would fail in the middle of a run, or be wrong without failing, is refused here with a reason. */
#include "opencl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static shunt_status open_on_queue(void *object, shunt_device_info *info, shunt_bdevice **out)
{
    cl_command_queue queue = object;
    cl_command_queue_properties properties;
    cl_device_id id;
    ocl_found found;
    cl_int code = clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL);
    if (!code) code = clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof id, &id, NULL);
    if (code) return ocl_failed("clGetCommandQueueInfo", code);
    if (properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        return ocl_fail(SHUNT_E_UNSUPPORTED, "the queue is out of order; make one that is in order");
    shunt_status status = ocl_describe_device(id, &found);
    if (!status) status = ocl_device_open_on(queue, &found, out);
    if (!status) shunt_struct_copy(info, &found.info);
    return status;
}

/* Kernels use vectors, so what lies in the application's own memory must be aligned for them. */
static shunt_status check_place(const ocl_device *device, cl_mem memory, cl_mem_flags flags)
{
    void *host = NULL;
    if (!(flags & CL_MEM_USE_HOST_PTR)) return SHUNT_OK;
    cl_int code = clGetMemObjectInfo(memory, CL_MEM_HOST_PTR, sizeof host, &host, NULL);
    if (code) return ocl_failed("clGetMemObjectInfo", code);
    if ((uintptr_t)host % device->found.info.alignment)
        return ocl_fail(SHUNT_E_INVALID,
                        "the buffer object lies at a host address (CL_MEM_USE_HOST_PTR) that is no multiple of %u",
                        device->found.info.alignment);
    return SHUNT_OK;
}

static shunt_status check_memory(const ocl_device *device, cl_mem memory, cl_mem_flags *flags, size_t *bytes)
{
    cl_mem_object_type type;
    cl_context context;
    cl_int code = clGetMemObjectInfo(memory, CL_MEM_TYPE, sizeof type, &type, NULL);
    if (!code) code = clGetMemObjectInfo(memory, CL_MEM_CONTEXT, sizeof context, &context, NULL);
    if (!code) code = clGetMemObjectInfo(memory, CL_MEM_FLAGS, sizeof *flags, flags, NULL);
    if (!code) code = clGetMemObjectInfo(memory, CL_MEM_SIZE, sizeof *bytes, bytes, NULL);
    if (code) return ocl_failed("clGetMemObjectInfo", code);
    if (type != CL_MEM_OBJECT_BUFFER)
        return ocl_fail(SHUNT_E_UNSUPPORTED, "the memory object is an image, not a buffer");
    if (context != device->context)
        return ocl_fail(SHUNT_E_INVALID, "the buffer object belongs to another context than the device");
    return check_place(device, memory, *flags);
}

static shunt_status wrap(shunt_bdevice *base, void *object, uint64_t *bytes, uint32_t *access, shunt_bbuffer **out)
{
    const ocl_device *device = (const ocl_device *)base;
    cl_mem memory = object;
    cl_mem_flags flags;
    size_t size;
    shunt_status status = check_memory(device, memory, &flags, &size);
    if (status) return status;
    shunt_bbuffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer) return ocl_fail_memory();
    cl_int code = clRetainMemObject(memory);
    if (code) {
        free(buffer);
        return ocl_failed("clRetainMemObject", code);
    }
    buffer->memory = memory;
    *bytes = buffer->bytes = size;
    *access = flags & CL_MEM_READ_ONLY    ? SHUNT_ACCESS_READ
              : flags & CL_MEM_WRITE_ONLY ? SHUNT_ACCESS_WRITE
                                          : SHUNT_ACCESS_READ | SHUNT_ACCESS_WRITE;
    *out = buffer;
    return SHUNT_OK;
}

static shunt_status memory_of(shunt_bbuffer *buffer, void **memory)
{
    *memory = buffer->memory;
    return SHUNT_OK;
}

static shunt_status wait_for(shunt_bqueue *queue, uint32_t count, void *const *events)
{
    cl_int code = clEnqueueBarrierWithWaitList(queue->queue, count, (const cl_event *)events, NULL);
    return code ? ocl_failed("clEnqueueBarrierWithWaitList", code) : SHUNT_OK;
}

static shunt_status own_event(shunt_bevent *event, void **own)
{
    cl_event last = ocl_event_last(event);
    cl_int code = clRetainEvent(last);
    if (code) return ocl_failed("clRetainEvent", code);
    *own = last;
    return SHUNT_OK;
}

void *ocl_extension(const char *name)
{
    static shunt_interop interop = {.size = sizeof interop,
                                    .device_open = open_on_queue,
                                    .buffer_wrap = wrap,
                                    .buffer_memory = memory_of,
                                    .queue_wait = wait_for,
                                    .event_own = own_event};
    return strcmp(name, SHUNT_INTEROP) ? NULL : &interop;
}
