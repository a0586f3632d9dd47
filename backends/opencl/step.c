/* step.c - one kernel of an op: built and given its constants and geometry once, then run with other tensors each time. */
#include "bundle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { GPU_LANES = 4, GPU_GROUP = 64, CPU_GROUP = 8, CPU_RUN = 256, NAME_CHARS = 64 };

static size_t power_below(size_t limit)
{
    size_t power = 1;
    while (power * 2 <= limit) power *= 2;
    return power;
}

uint32_t ocl_lanes(const ocl_device *device, int64_t block)
{
    uint32_t lanes = ocl_is_cpu(device) ? device->found.info.block : GPU_LANES;
    while (block % lanes) lanes /= 2;
    return lanes;
}

size_t ocl_group(const ocl_device *device)
{
    size_t wanted = ocl_is_cpu(device) ? CPU_GROUP : GPU_GROUP;
    return power_below(wanted < device->found.limits.group ? wanted : device->found.limits.group);
}

size_t ocl_reduce_group(const ocl_device *device, size_t bytes)
{
    if (ocl_is_cpu(device)) return 1; /* a barrier costs more there than it brings */
    size_t group = ocl_group(device);
    while (group > 1 && group * bytes > device->found.limits.local) group /= 2;
    return group;
}

uint64_t ocl_pieces(const ocl_device *device, const shunt_tensor_desc *tensor, int64_t width, cl_int *run)
{
    const uint64_t rows =
        shunt_tensor_storage(tensor) / ocl_lanes(device, shunt_tensor_block(tensor)) / (uint64_t)width;
    *run = !ocl_is_cpu(device) ? 1 : width < CPU_RUN ? (cl_int)width : CPU_RUN;
    return rows * (uint64_t)((width + *run - 1) / *run);
}

void ocl_add_option(char *options, const char *format, ...)
{
    size_t used = strlen(options);
    va_list args;
    va_start(args, format);
    vsnprintf(options + used, OCL_OPTIONS_CHARS - used, format, args);
    va_end(args);
}

void ocl_block_options(const ocl_device *device, int64_t block, char *options)
{
    options[0] = 0;
    ocl_add_option(options, "-DB=%lld -DV=%u -DWG=%zu", (long long)block, ocl_lanes(device, block), ocl_group(device));
}

/* Makes the kernel, of a program that is built for the step's data. */
static shunt_status make_kernel(ocl_device *device, ocl_step *step, const ocl_source *source, const char *options,
                                const char *kernel)
{
    const ocl_built *built;
    char all[OCL_OPTIONS_CHARS] = "", name[NAME_CHARS];
    cl_int code;
    ocl_add_option(all, "%s", options);
    if (shunt_dtype_bytes(step->data) == 2) ocl_add_option(all, " -DDATA=%u", step->data);
    if (device->foreseen) return ocl_units_add(device->foreseen, source, all);
    shunt_status status = ocl_program_get(device, source, all, &built);
    if (status) return status;
    step->fresh = built->fresh;
    snprintf(name, sizeof name, "%s%s", kernel, built->suffix);
    step->kernel = clCreateKernel(built->program, name, &code);
    return step->kernel ? SHUNT_OK : ocl_fail_context(ocl_failed("clCreateKernel", code), "%s", kernel);
}

shunt_status ocl_step_create(ocl_device *device, ocl_step *step, const ocl_source *source, const char *options,
                             const char *kernel, cl_uint dims, const uint64_t *items, const size_t *local)
{
    size_t group = 1;
    shunt_status status = make_kernel(device, step, source, options, kernel);
    if (status) return status;
    for (uint32_t i = 0; i < source->nkernels; i++)
        if (!strcmp(source->kernels[i].name, kernel)) step->data_tensors = source->kernels[i].data;
    step->dims = dims;
    for (cl_uint i = 0; i < dims; i++) {
        uint64_t groups = (items[i] + local[i] - 1) / local[i];
        if (groups > SIZE_MAX / local[i])
            return ocl_fail(SHUNT_E_UNSUPPORTED, "%s: more work-items than a size_t counts", kernel);
        step->local[i] = local[i];
        step->global[i] = groups * local[i];
        group *= local[i];
    }
    /* Not CL_KERNEL_WORK_GROUP_SIZE: kernels name their group's size, and for those some drivers (rusticl) tell less. */
    if (group > device->found.limits.group)
        return ocl_fail(SHUNT_E_UNSUPPORTED, "%s: groups of %zu work-items; %s can do %zu", kernel, group,
                        device->found.info.name, device->found.limits.group);
    return SHUNT_OK;
}

shunt_status ocl_step_create_flat(ocl_device *device, ocl_step *step, const ocl_source *source, const char *options,
                                  const char *kernel, uint64_t items)
{
    size_t local = ocl_group(device);
    return ocl_step_create(device, step, source, options, kernel, 1, &items, &local);
}

void ocl_step_destroy(ocl_step *step)
{
    if (step->kernel) clReleaseKernel(step->kernel);
    step->kernel = NULL;
}

shunt_status ocl_step_constants(ocl_step *step, cl_uint first, uint32_t count, const ocl_constant *constants)
{
    for (uint32_t i = 0; i < count && step->kernel; i++) { /* none: only foreseen */
        cl_int code = clSetKernelArg(step->kernel, first + i, constants[i].bytes, constants[i].value);
        if (code) return ocl_failed("clSetKernelArg", code);
    }
    return SHUNT_OK;
}

shunt_status ocl_step_run(ocl_step *step, shunt_bqueue *queue, uint32_t ntensors, const shunt_arg *tensors)
{
    cl_event event;
    for (cl_uint i = 0; i < ntensors; i++) {
        const bool data = step->data && step->data_tensors >> i & 1;
        const cl_ulong at = tensors[i].offset / (data ? shunt_dtype_bytes(step->data) : sizeof(cl_float));
        cl_int code = clSetKernelArg(step->kernel, 2 * i, sizeof(cl_mem), &tensors[i].buffer->memory);
        if (!code) code = clSetKernelArg(step->kernel, 2 * i + 1, sizeof at, &at);
        if (code) return ocl_failed("clSetKernelArg", code);
    }
    ocl_turn_begin(queue->device, queue);
    cl_int code = clEnqueueNDRangeKernel(queue->queue, step->kernel, step->dims, NULL, step->global, step->local, 0,
                                         NULL, ocl_record_slot(queue, &event));
    ocl_turn_end(queue->device);
    if (code) return ocl_failed("clEnqueueNDRangeKernel", code);
    ocl_recorded(queue, event);
    return SHUNT_OK;
}
