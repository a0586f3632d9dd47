/* card.c - see card.h. */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include "card.h"

#include <CL/cl.h>
#include <shunt/half.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

card_limits card = {.units = 32, .group = 256, .local = 64 << 10, .extensions = ""};
void (*card_ran)(const card_run *run);

struct _cl_program {
    char file[64], options[512];
    unsigned references;
};

enum { PROBE_TENSORS = 3 };

struct _cl_kernel {
    const char *file, *options;
    char name[64];
    bool ran;
    cl_mem tensors[PROBE_TENSORS];
};

/* A buffer that was given contents; all others are the handle. */
struct _cl_mem {
    size_t bytes;
    uint8_t data[];
};

/* Whatever else is a handle is the address of this. */
static char handle;

static cl_int answer(const void *value, size_t bytes, size_t room, void *to, size_t *size)
{
    if (size) *size = bytes;
    if (to && room < bytes) return CL_INVALID_VALUE;
    if (to) memcpy(to, value, bytes);
    return CL_SUCCESS;
}

static cl_int answer_text(const char *text, size_t room, void *to, size_t *size)
{
    return answer(text, strlen(text) + 1, room, to, size);
}

static void *made(cl_int *code)
{
    if (code) *code = CL_SUCCESS;
    return &handle;
}

static cl_int done(cl_event *event)
{
    if (event) *event = (cl_event)&handle;
    return CL_SUCCESS;
}

/* ---- Platform and device ---- */

cl_int clGetPlatformIDs(cl_uint room, cl_platform_id *list, cl_uint *count)
{
    if (count) *count = 1;
    if (list && room > 0) *list = (cl_platform_id)&handle;
    return CL_SUCCESS;
}

cl_int clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t room, void *to, size_t *size)
{
    (void)platform, (void)what;
    return answer_text("a card that is not there", room, to, size);
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *list, cl_uint *count)
{
    (void)platform, (void)type;
    if (count) *count = 1;
    if (list && room > 0) *list = (cl_device_id)&handle;
    return CL_SUCCESS;
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t room, void *to, size_t *size)
{
    static const cl_device_type type = CL_DEVICE_TYPE_GPU;
    static const cl_device_fp_config no_doubles = 0;
    static const cl_ulong memory = (cl_ulong)12 << 30, buffer = (cl_ulong)4 << 30;
    static const cl_uint one = 1, dims = 3, align = 1024;
    static const cl_bool yes = CL_TRUE;
    const size_t sizes[] = {card.group, card.group, card.group};
    (void)device;
    switch (what) {
    case CL_DEVICE_TYPE:
        return answer(&type, sizeof type, room, to, size);
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_COMPILER_AVAILABLE:
    case CL_DEVICE_ENDIAN_LITTLE:
        return answer(&yes, sizeof yes, room, to, size);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
        return answer(&card.units, sizeof card.units, room, to, size);
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT:
        return answer(&one, sizeof one, room, to, size);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        return answer(&card.group, sizeof card.group, room, to, size);
    case CL_DEVICE_LOCAL_MEM_SIZE:
        return answer(&card.local, sizeof card.local, room, to, size);
    case CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS:
        return answer(&dims, sizeof dims, room, to, size);
    case CL_DEVICE_MAX_WORK_ITEM_SIZES:
        return answer(sizes, sizeof sizes, room, to, size);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
        return answer(&memory, sizeof memory, room, to, size);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        return answer(&buffer, sizeof buffer, room, to, size);
    case CL_DEVICE_MEM_BASE_ADDR_ALIGN:
        return answer(&align, sizeof align, room, to, size);
    case CL_DEVICE_DOUBLE_FP_CONFIG:
        return answer(&no_doubles, sizeof no_doubles, room, to, size);
    case CL_DEVICE_EXTENSIONS:
        return answer_text(card.extensions, room, to, size);
    case CL_DEVICE_VERSION:
        return answer_text("OpenCL 1.2 of a card that is not there", room, to, size);
    case CL_DEVICE_NAME:
    case CL_DEVICE_VENDOR:
    case CL_DRIVER_VERSION:
        return answer_text("a card that is not there", room, to, size);
    default:
        return CL_INVALID_VALUE;
    }
}

cl_int clCreateSubDevices(cl_device_id device, const cl_device_partition_property *how, cl_uint room,
                          cl_device_id *list, cl_uint *count)
{
    (void)device, (void)how, (void)room, (void)list, (void)count;
    return CL_INVALID_VALUE;
}

cl_int clReleaseDevice(cl_device_id device)
{
    (void)device;
    return CL_SUCCESS;
}

/* ---- Programs and kernels ---- */

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char **texts, const size_t *lengths,
                                     cl_int *code)
{
    (void)context, (void)count, (void)lengths;
    cl_program program = calloc(1, sizeof *program);
    if (program) program->references = 1;
    /* Each kernel file begins with its name; a program of several has none. */
    if (program && sscanf(texts[0], "/* %63s", program->file) != 1) program->file[0] = '\0';
    if (code) *code = program ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
    return program;
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *devices,
                                     const size_t *lengths, const unsigned char **binaries, cl_int *status,
                                     cl_int *code)
{
    (void)context, (void)count, (void)devices, (void)lengths, (void)binaries;
    if (status) *status = CL_INVALID_BINARY;
    if (code) *code = CL_INVALID_BINARY;
    return NULL;
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
                      void(CL_CALLBACK *notify)(cl_program, void *), void *data)
{
    (void)count, (void)devices, (void)notify, (void)data;
    snprintf(program->options, sizeof program->options, "%s", options);
    return CL_SUCCESS;
}

/* There is no binary to keep. */
cl_int clGetProgramInfo(cl_program program, cl_program_info what, size_t room, void *to, size_t *size)
{
    (void)program, (void)what, (void)room, (void)to, (void)size;
    return CL_INVALID_VALUE;
}

cl_int clGetProgramBuildInfo(cl_program program, cl_device_id device, cl_program_build_info what, size_t room, void *to,
                             size_t *size)
{
    (void)program, (void)device, (void)what;
    return answer_text("", room, to, size);
}

cl_int clRetainProgram(cl_program program)
{
    program->references++;
    return CL_SUCCESS;
}

cl_int clReleaseProgram(cl_program program)
{
    if (--program->references == 0) free(program);
    return CL_SUCCESS;
}

/* A kernel outlives its program in no plugin. */
cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *code)
{
    cl_kernel kernel = calloc(1, sizeof *kernel);
    if (kernel) {
        kernel->file = program->file;
        kernel->options = program->options;
        snprintf(kernel->name, sizeof kernel->name, "%s", name);
    }
    if (code) *code = kernel ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
    return kernel;
}

/* Tensors are the arguments of even number. */
cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t bytes, const void *value)
{
    if (value && bytes == sizeof(cl_mem) && index % 2 == 0 && index / 2 < PROBE_TENSORS)
        memcpy(&kernel->tensors[index / 2], value, bytes);
    return CL_SUCCESS;
}

cl_int clReleaseKernel(cl_kernel kernel)
{
    free(kernel);
    return CL_SUCCESS;
}

/* ---- Memory, queues, events ---- */

cl_context clCreateContext(const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
                           void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *data,
                           cl_int *code)
{
    (void)properties, (void)count, (void)devices, (void)notify, (void)data;
    return made(code);
}

cl_int clReleaseContext(cl_context context)
{
    (void)context;
    return CL_SUCCESS;
}

cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id device, cl_command_queue_properties properties,
                                      cl_int *code)
{
    (void)context, (void)device, (void)properties;
    return made(code);
}

cl_int clReleaseCommandQueue(cl_command_queue queue)
{
    (void)queue;
    return CL_SUCCESS;
}

cl_int clFlush(cl_command_queue queue)
{
    (void)queue;
    return CL_SUCCESS;
}

cl_int clFinish(cl_command_queue queue)
{
    (void)queue;
    return CL_SUCCESS;
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t bytes, void *host, cl_int *code)
{
    (void)context;
    if (!(flags & CL_MEM_COPY_HOST_PTR)) return made(code);
    cl_mem memory = malloc(sizeof *memory + bytes);
    if (memory) {
        memory->bytes = bytes;
        memcpy(memory->data, host, bytes);
    }
    if (code) *code = memory ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
    return memory;
}

cl_mem clCreateSubBuffer(cl_mem buffer, cl_mem_flags flags, cl_buffer_create_type type, const void *region,
                         cl_int *code)
{
    (void)buffer, (void)flags, (void)type, (void)region;
    return made(code);
}

cl_int clReleaseMemObject(cl_mem memory)
{
    if (memory != (cl_mem)&handle) free(memory);
    return CL_SUCCESS;
}

/* kernels-cl/wave_probe.cl in plain C. */
static void multiply(const struct _cl_kernel *kernel)
{
    enum { EDGE = 16, INNER = 32 };
    const bool f16 = strstr(kernel->options, "-DDATA=4") != NULL;
    const uint16_t *x = (const uint16_t *)kernel->tensors[0]->data, *y = (const uint16_t *)kernel->tensors[1]->data;
    float *sums = (float *)kernel->tensors[2]->data;
    for (size_t i = 0; i < kernel->tensors[2]->bytes / sizeof *sums; i++) {
        const size_t wave = i / (EDGE * EDGE), row = wave * EDGE + i / EDGE % EDGE, column = wave * EDGE + i % EDGE;
        sums[i] = 0;
        for (size_t k = 0; k < INNER; k++) {
            const uint16_t a = x[row * INNER + k], b = y[column * INNER + k];
            sums[i] += f16 ? shunt_from_f16(a) * shunt_from_f16(b) : shunt_from_bf16(a) * shunt_from_bf16(b);
        }
    }
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset,
                              const size_t *global, const size_t *local, cl_uint nwait, const cl_event *wait,
                              cl_event *event)
{
    size_t items = 1;
    (void)queue, (void)offset, (void)global, (void)nwait, (void)wait;
    for (cl_uint i = 0; i < dims; i++) items *= local[i];
    if (items > card.group) return CL_INVALID_WORK_GROUP_SIZE;
    if (!strcmp(kernel->name, "wave_probe") && card.units_option && strstr(kernel->options, card.units_option))
        multiply(kernel);
    const card_run run = {kernel->file, kernel->options, kernel->name, items, kernel->ran};
    if (card_ran) card_ran(&run);
    kernel->ran = true;
    return done(event);
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset, size_t bytes,
                           void *to, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    (void)queue, (void)blocking, (void)nwait, (void)wait;
    if (memory == (cl_mem)&handle)
        memset(to, 0, bytes);
    else
        memcpy(to, memory->data + offset, bytes);
    return done(event);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset, size_t bytes,
                            const void *from, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    (void)queue, (void)memory, (void)blocking, (void)offset, (void)bytes, (void)from, (void)nwait, (void)wait;
    return done(event);
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_at, size_t to_at, size_t bytes,
                           cl_uint nwait, const cl_event *wait, cl_event *event)
{
    (void)queue, (void)from, (void)to, (void)from_at, (void)to_at, (void)bytes, (void)nwait, (void)wait;
    return done(event);
}

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem memory, const void *pattern, size_t npattern, size_t offset,
                           size_t bytes, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    (void)queue, (void)memory, (void)pattern, (void)npattern, (void)offset, (void)bytes, (void)nwait, (void)wait;
    return done(event);
}

void *clEnqueueMapBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, cl_map_flags flags, size_t offset,
                         size_t bytes, cl_uint nwait, const cl_event *wait, cl_event *event, cl_int *code)
{
    (void)queue, (void)memory, (void)blocking, (void)flags, (void)offset, (void)bytes, (void)nwait, (void)wait;
    (void)event;
    if (code) *code = CL_MAP_FAILURE;
    return NULL;
}

cl_int clEnqueueUnmapMemObject(cl_command_queue queue, cl_mem memory, void *mapped, cl_uint nwait, const cl_event *wait,
                               cl_event *event)
{
    (void)queue, (void)memory, (void)mapped, (void)nwait, (void)wait;
    return done(event);
}

cl_int clEnqueueBarrierWithWaitList(cl_command_queue queue, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    (void)queue, (void)nwait, (void)wait;
    return done(event);
}

cl_int clWaitForEvents(cl_uint count, const cl_event *events)
{
    (void)count, (void)events;
    return CL_SUCCESS;
}

cl_int clGetEventProfilingInfo(cl_event event, cl_profiling_info what, size_t room, void *to, size_t *size)
{
    (void)event, (void)what, (void)room, (void)to, (void)size;
    return CL_PROFILING_INFO_NOT_AVAILABLE;
}

cl_int clReleaseEvent(cl_event event)
{
    (void)event;
    return CL_SUCCESS;
}
