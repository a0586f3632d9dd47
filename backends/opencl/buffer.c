/* buffer.c - device memory. */
#include "opencl.h"

#include <inttypes.h>
#include <stdlib.h>

shunt_status ocl_buffer_alloc(shunt_bdevice *base, uint64_t bytes, uint32_t usage, shunt_bbuffer **out)
{
    ocl_device *device = (ocl_device *)base;
    if (bytes > device->found.info.max_alloc || bytes > SIZE_MAX)
        return ocl_fail(SHUNT_E_MEMORY,
                        "a buffer of %" PRIu64 " bytes: the largest on %s is %" PRIu64 "; use a smaller batch", bytes,
                        device->found.info.name, device->found.info.max_alloc);
    shunt_bbuffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer) return ocl_fail_memory();
    cl_mem_flags flags = CL_MEM_READ_WRITE;
    /* Pinned where that means something, so that transfers need no copy of the driver's own. */
    if (usage & SHUNT_USE_STAGING) flags |= CL_MEM_ALLOC_HOST_PTR;
    cl_int code;
    buffer->memory = clCreateBuffer(device->context, flags, bytes, NULL, &code);
    if (!buffer->memory) {
        free(buffer);
        return ocl_fail_context(ocl_failed("clCreateBuffer", code), "a buffer of %" PRIu64 " bytes", bytes);
    }
    buffer->bytes = bytes;
    *out = buffer;
    return SHUNT_OK;
}

void ocl_buffer_free(shunt_bdevice *base, shunt_bbuffer *buffer)
{
    (void)base;
    if (!buffer) return;
    clReleaseMemObject(buffer->memory);
    free(buffer);
}

shunt_status ocl_buffer_map(shunt_bdevice *base, shunt_bbuffer *buffer, void **host)
{
    ocl_device *device = (ocl_device *)base;
    cl_int code;
    buffer->mapped = clEnqueueMapBuffer(device->maps, buffer->memory, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
                                        buffer->bytes, 0, NULL, NULL, &code);
    if (!buffer->mapped) return ocl_failed("clEnqueueMapBuffer", code);
    *host = buffer->mapped;
    return SHUNT_OK;
}

void ocl_buffer_unmap(shunt_bdevice *base, shunt_bbuffer *buffer)
{
    ocl_device *device = (ocl_device *)base;
    if (!buffer->mapped) return;
    cl_int code = clEnqueueUnmapMemObject(device->maps, buffer->memory, buffer->mapped, 0, NULL, NULL);
    if (!code) code = clFinish(device->maps);
    if (code) ocl_log(SHUNT_LOG_WARN, "opencl: unmapping a buffer: %s", ocl_code_name(code));
    buffer->mapped = NULL;
}
