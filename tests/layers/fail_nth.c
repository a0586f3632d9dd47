/* fail_nth.c - see fail_nth.h. Every function that the OpenCL plugin and CLBlast call has a wrapper here, which asks
 * must_fail() first and counts objects after; all others go to the driver unseen. */
#include "layer.h"

#include "fail_nth.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line a function, for the enumeration and for the names. */
#define FUNCTIONS(F)                                                                                                   \
    F(clGetPlatformIDs)                                                                                                \
    F(clGetPlatformInfo)                                                                                               \
    F(clGetDeviceIDs)                                                                                                  \
    F(clGetDeviceInfo)                                                                                                 \
    F(clCreateSubDevices)                                                                                              \
    F(clRetainDevice)                                                                                                  \
    F(clReleaseDevice)                                                                                                 \
    F(clCreateContext)                                                                                                 \
    F(clRetainContext)                                                                                                 \
    F(clReleaseContext)                                                                                                \
    F(clGetContextInfo)                                                                                                \
    F(clCreateCommandQueue)                                                                                            \
    F(clRetainCommandQueue)                                                                                            \
    F(clReleaseCommandQueue)                                                                                           \
    F(clGetCommandQueueInfo)                                                                                           \
    F(clCreateBuffer)                                                                                                  \
    F(clCreateSubBuffer)                                                                                               \
    F(clRetainMemObject)                                                                                               \
    F(clReleaseMemObject)                                                                                              \
    F(clGetMemObjectInfo)                                                                                              \
    F(clCreateProgramWithSource)                                                                                       \
    F(clCreateProgramWithBinary)                                                                                       \
    F(clRetainProgram)                                                                                                 \
    F(clReleaseProgram)                                                                                                \
    F(clBuildProgram)                                                                                                  \
    F(clGetProgramInfo)                                                                                                \
    F(clGetProgramBuildInfo)                                                                                           \
    F(clCreateKernel)                                                                                                  \
    F(clRetainKernel)                                                                                                  \
    F(clReleaseKernel)                                                                                                 \
    F(clSetKernelArg)                                                                                                  \
    F(clGetKernelInfo)                                                                                                 \
    F(clGetKernelWorkGroupInfo)                                                                                        \
    F(clWaitForEvents)                                                                                                 \
    F(clCreateUserEvent)                                                                                               \
    F(clGetEventInfo)                                                                                                  \
    F(clRetainEvent)                                                                                                   \
    F(clReleaseEvent)                                                                                                  \
    F(clGetEventProfilingInfo)                                                                                         \
    F(clFlush)                                                                                                         \
    F(clFinish)                                                                                                        \
    F(clEnqueueReadBuffer)                                                                                             \
    F(clEnqueueWriteBuffer)                                                                                            \
    F(clEnqueueCopyBuffer)                                                                                             \
    F(clEnqueueFillBuffer)                                                                                             \
    F(clEnqueueMapBuffer)                                                                                              \
    F(clEnqueueUnmapMemObject)                                                                                         \
    F(clEnqueueNDRangeKernel)                                                                                          \
    F(clEnqueueMarkerWithWaitList)                                                                                     \
    F(clEnqueueBarrierWithWaitList)

#define NUMBER(name) NUMBER_##name,
#define NAME(name) #name,
enum { FUNCTIONS(NUMBER) NFUNCTIONS, ANY = NFUNCTIONS };
static const char *const names[] = {FUNCTIONS(NAME)};

typedef enum kind { DEVICE, CONTEXT, QUEUE, MEMORY, PROGRAM, KERNEL, EVENT, MAPPING, NKINDS } kind;
static const char *const kind_names[] = {"sub-device", "context", "queue", "buffer",
                                         "program",    "kernel",  "event", "mapping"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long calls[NFUNCTIONS], held[NKINDS];
static unsigned armed = NFUNCTIONS + 1, remaining; /* armed: a function's number, ANY, or above: nothing */
static bool armed_onward;
static cl_int armed_code;
static const char *fired;

/* ---- Control --------------------------------------------------------------------------------------------------- */

static unsigned number_of(const char *function)
{
    unsigned at = 0;
    while (at < NFUNCTIONS && strcmp(names[at], function)) at++;
    return at == NFUNCTIONS && strcmp(function, "any") ? NFUNCTIONS + 1 : at;
}

static void arm(const char *function, unsigned n, bool onward, int32_t code)
{
    pthread_mutex_lock(&lock);
    armed = function ? number_of(function) : NFUNCTIONS + 1;
    remaining = n;
    armed_onward = onward;
    armed_code = code;
    fired = NULL;
    pthread_mutex_unlock(&lock);
}

static const char *first_fired(void)
{
    pthread_mutex_lock(&lock);
    const char *name = fired;
    pthread_mutex_unlock(&lock);
    return name;
}

static long calls_of(const char *function)
{
    unsigned number = number_of(function);
    pthread_mutex_lock(&lock);
    long count = number < NFUNCTIONS ? calls[number] : -1;
    pthread_mutex_unlock(&lock);
    return count;
}

static const char *function_name(unsigned index)
{
    return index < NFUNCTIONS ? names[index] : NULL;
}

static long count_held(char *text, size_t size)
{
    long total = 0;
    size_t used = 0;
    text[0] = 0;
    pthread_mutex_lock(&lock);
    for (int k = 0; k < NKINDS; k++) {
        total += labs(held[k]);
        if (held[k] && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%ld %s%s", used ? ", " : "", held[k], kind_names[k],
                                     held[k] == 1 ? "" : "s");
    }
    pthread_mutex_unlock(&lock);
    return total;
}

EXPORT const fail_nth fail_nth_control = {
    .arm = arm,
    .fired = first_fired,
    .calls = calls_of,
    .function = function_name,
    .held = count_held,
};

static void arm_from_environment(void)
{
    char function[64], onward = 0;
    unsigned n;
    const char *text = getenv("OPENCL_FAIL");
    if (text && sscanf(text, "%63[A-Za-z]:%u%c", function, &n, &onward) >= 2)
        arm(function, n, onward == '+', CL_OUT_OF_RESOURCES);
}

/* ---- What the wrappers ask --------------------------------------------------------------------------------------- */

/* Counts the call. The code that it has to fail with, or CL_SUCCESS. */
static cl_int must_fail(unsigned number)
{
    cl_int code = CL_SUCCESS;
    pthread_mutex_lock(&lock);
    calls[number]++;
    if (fired ? armed_onward : (armed == number || armed == ANY) && --remaining == 0) {
        code = armed_code;
        if (!fired) fired = names[number];
    }
    pthread_mutex_unlock(&lock);
    return code;
}

static void count(kind k, long change)
{
    pthread_mutex_lock(&lock);
    held[k] += change;
    pthread_mutex_unlock(&lock);
}

/* Passes an error on, and counts an event that was handed out. */
static cl_int with_event(cl_int code, const cl_event *event)
{
    if (!code && event) count(EVENT, 1);
    return code;
}

static void *created(void *object, kind k)
{
    if (object) count(k, 1);
    return object;
}

static void *refused(cl_int code, cl_int *out)
{
    if (out) *out = code;
    return NULL;
}

/* ---- The wrappers, by form ----------------------------------------------------------------------------------------- */

/* A function that returns a code. */
#define PLAIN(name, parameters, arguments)                                                                             \
    static cl_int CL_API_CALL on_##name parameters                                                                     \
    {                                                                                                                  \
        cl_int code = must_fail(NUMBER_##name);                                                                        \
        return code ? code : driver->name arguments;                                                                   \
    }
/* One that works first and fails then. */
#define AFTERWARDS(name, parameters, arguments)                                                                        \
    static cl_int CL_API_CALL on_##name parameters                                                                     \
    {                                                                                                                  \
        cl_int code = must_fail(NUMBER_##name), real = driver->name arguments;                                         \
        return real ? real : code;                                                                                     \
    }
/* A command that may give out `event`. */
#define COMMAND(name, parameters, arguments)                                                                           \
    static cl_int CL_API_CALL on_##name parameters                                                                     \
    {                                                                                                                  \
        cl_int code = must_fail(NUMBER_##name);                                                                        \
        return code ? code : with_event(driver->name arguments, event);                                                \
    }
/* One that returns an object, and its code through `error`. */
#define CREATE(type, kind, name, parameters, arguments)                                                                \
    static type CL_API_CALL on_##name parameters                                                                       \
    {                                                                                                                  \
        cl_int code = must_fail(NUMBER_##name);                                                                        \
        return code ? refused(code, error) : created(driver->name arguments, kind);                                    \
    }
#define RETAIN_RELEASE(type, kind, retain, release)                                                                    \
    static cl_int CL_API_CALL on_##retain(type object)                                                                 \
    {                                                                                                                  \
        cl_int code = must_fail(NUMBER_##retain);                                                                      \
        if (!code) code = driver->retain(object);                                                                      \
        if (!code) count(kind, 1);                                                                                     \
        return code;                                                                                                   \
    }                                                                                                                  \
    static cl_int CL_API_CALL on_##release(type object)                                                                \
    {                                                                                                                  \
        cl_int code = must_fail(NUMBER_##release), real = driver->release(object);                                     \
        if (!real) count(kind, -1);                                                                                    \
        return real ? real : code;                                                                                     \
    }

typedef void(CL_CALLBACK *context_notify)(const char *, const void *, size_t, void *);
typedef void(CL_CALLBACK *build_notify)(cl_program, void *);

PLAIN(clGetPlatformIDs, (cl_uint room, cl_platform_id *out, cl_uint *n), (room, out, n))
PLAIN(clGetPlatformInfo, (cl_platform_id platform, cl_platform_info what, size_t size, void *value, size_t *used),
      (platform, what, size, value, used))
PLAIN(clGetDeviceIDs, (cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *out, cl_uint *n),
      (platform, type, room, out, n))
PLAIN(clGetDeviceInfo, (cl_device_id device, cl_device_info what, size_t size, void *value, size_t *used),
      (device, what, size, value, used))
RETAIN_RELEASE(cl_device_id, DEVICE, clRetainDevice, clReleaseDevice)

static cl_int CL_API_CALL on_clCreateSubDevices(cl_device_id device, const cl_device_partition_property *how,
                                                cl_uint room, cl_device_id *out, cl_uint *n)
{
    cl_uint made = 0;
    cl_int code = must_fail(NUMBER_clCreateSubDevices);
    if (!code) code = driver->clCreateSubDevices(device, how, room, out, &made);
    if (!code && out) count(DEVICE, made < room ? made : room);
    if (!code && n) *n = made;
    return code;
}

CREATE(cl_context, CONTEXT, clCreateContext,
       (const cl_context_properties *properties, cl_uint n, const cl_device_id *devices, context_notify notify,
        void *user, cl_int *error),
       (properties, n, devices, notify, user, error))
RETAIN_RELEASE(cl_context, CONTEXT, clRetainContext, clReleaseContext)
PLAIN(clGetContextInfo, (cl_context context, cl_context_info what, size_t size, void *value, size_t *used),
      (context, what, size, value, used))

CREATE(cl_command_queue, QUEUE, clCreateCommandQueue,
       (cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *error),
       (context, device, properties, error))
RETAIN_RELEASE(cl_command_queue, QUEUE, clRetainCommandQueue, clReleaseCommandQueue)
PLAIN(clGetCommandQueueInfo,
      (cl_command_queue queue, cl_command_queue_info what, size_t size, void *value, size_t *used),
      (queue, what, size, value, used))
PLAIN(clFlush, (cl_command_queue queue), (queue))
AFTERWARDS(clFinish, (cl_command_queue queue), (queue))

CREATE(cl_mem, MEMORY, clCreateBuffer, (cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *error),
       (context, flags, size, host, error))
CREATE(cl_mem, MEMORY, clCreateSubBuffer,
       (cl_mem buffer, cl_mem_flags flags, cl_buffer_create_type type, const void *info, cl_int *error),
       (buffer, flags, type, info, error))
RETAIN_RELEASE(cl_mem, MEMORY, clRetainMemObject, clReleaseMemObject)
PLAIN(clGetMemObjectInfo, (cl_mem memory, cl_mem_info what, size_t size, void *value, size_t *used),
      (memory, what, size, value, used))

CREATE(cl_program, PROGRAM, clCreateProgramWithSource,
       (cl_context context, cl_uint n, const char **texts, const size_t *lengths, cl_int *error),
       (context, n, texts, lengths, error))
CREATE(cl_program, PROGRAM, clCreateProgramWithBinary,
       (cl_context context, cl_uint n, const cl_device_id *devices, const size_t *lengths,
        const unsigned char **binaries, cl_int *codes, cl_int *error),
       (context, n, devices, lengths, binaries, codes, error))
RETAIN_RELEASE(cl_program, PROGRAM, clRetainProgram, clReleaseProgram)
PLAIN(clBuildProgram,
      (cl_program program, cl_uint n, const cl_device_id *devices, const char *options, build_notify notify,
       void *user),
      (program, n, devices, options, notify, user))
PLAIN(clGetProgramInfo, (cl_program program, cl_program_info what, size_t size, void *value, size_t *used),
      (program, what, size, value, used))
PLAIN(clGetProgramBuildInfo,
      (cl_program program, cl_device_id device, cl_program_build_info what, size_t size, void *value, size_t *used),
      (program, device, what, size, value, used))

CREATE(cl_kernel, KERNEL, clCreateKernel, (cl_program program, const char *name, cl_int *error), (program, name, error))
RETAIN_RELEASE(cl_kernel, KERNEL, clRetainKernel, clReleaseKernel)
PLAIN(clSetKernelArg, (cl_kernel kernel, cl_uint index, size_t size, const void *value), (kernel, index, size, value))
PLAIN(clGetKernelInfo, (cl_kernel kernel, cl_kernel_info what, size_t size, void *value, size_t *used),
      (kernel, what, size, value, used))
PLAIN(clGetKernelWorkGroupInfo,
      (cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what, size_t size, void *value, size_t *used),
      (kernel, device, what, size, value, used))

AFTERWARDS(clWaitForEvents, (cl_uint n, const cl_event *events), (n, events))
CREATE(cl_event, EVENT, clCreateUserEvent, (cl_context context, cl_int *error), (context, error))
RETAIN_RELEASE(cl_event, EVENT, clRetainEvent, clReleaseEvent)
PLAIN(clGetEventInfo, (cl_event event, cl_event_info what, size_t size, void *value, size_t *used),
      (event, what, size, value, used))
PLAIN(clGetEventProfilingInfo, (cl_event event, cl_profiling_info what, size_t size, void *value, size_t *used),
      (event, what, size, value, used))

COMMAND(clEnqueueReadBuffer,
        (cl_command_queue queue, cl_mem src, cl_bool blocking, size_t offset, size_t size, void *dst, cl_uint nwait,
         const cl_event *wait, cl_event *event),
        (queue, src, blocking, offset, size, dst, nwait, wait, event))
COMMAND(clEnqueueWriteBuffer,
        (cl_command_queue queue, cl_mem dst, cl_bool blocking, size_t offset, size_t size, const void *src,
         cl_uint nwait, const cl_event *wait, cl_event *event),
        (queue, dst, blocking, offset, size, src, nwait, wait, event))
COMMAND(clEnqueueCopyBuffer,
        (cl_command_queue queue, cl_mem src, cl_mem dst, size_t src_offset, size_t dst_offset, size_t size,
         cl_uint nwait, const cl_event *wait, cl_event *event),
        (queue, src, dst, src_offset, dst_offset, size, nwait, wait, event))
COMMAND(clEnqueueFillBuffer,
        (cl_command_queue queue, cl_mem dst, const void *pattern, size_t pattern_size, size_t offset, size_t size,
         cl_uint nwait, const cl_event *wait, cl_event *event),
        (queue, dst, pattern, pattern_size, offset, size, nwait, wait, event))
COMMAND(clEnqueueNDRangeKernel,
        (cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset, const size_t *global,
         const size_t *local, cl_uint nwait, const cl_event *wait, cl_event *event),
        (queue, kernel, dims, offset, global, local, nwait, wait, event))
COMMAND(clEnqueueMarkerWithWaitList, (cl_command_queue queue, cl_uint nwait, const cl_event *wait, cl_event *event),
        (queue, nwait, wait, event))
COMMAND(clEnqueueBarrierWithWaitList, (cl_command_queue queue, cl_uint nwait, const cl_event *wait, cl_event *event),
        (queue, nwait, wait, event))

static void *CL_API_CALL on_clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
                                               cl_map_flags flags, size_t offset, size_t size, cl_uint nwait,
                                               const cl_event *wait, cl_event *event, cl_int *error)
{
    cl_int code = must_fail(NUMBER_clEnqueueMapBuffer);
    if (code) return refused(code, error);
    void *host = driver->clEnqueueMapBuffer(queue, buffer, blocking, flags, offset, size, nwait, wait, event, error);
    if (host && event) count(EVENT, 1);
    return created(host, MAPPING);
}

static cl_int CL_API_CALL on_clEnqueueUnmapMemObject(cl_command_queue queue, cl_mem buffer, void *host, cl_uint nwait,
                                                     const cl_event *wait, cl_event *event)
{
    cl_int code = must_fail(NUMBER_clEnqueueUnmapMemObject);
    cl_int real = driver->clEnqueueUnmapMemObject(queue, buffer, host, nwait, wait, event);
    if (!real) count(MAPPING, -1);
    return with_event(real, event) ? real : code;
}

/* ---- What the loader asks for ---------------------------------------------------------------------------------------- */

EXPORT cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t size, void *value, size_t *used)
{
    return layer_tell("fail_nth", what, size, value, used);
}

#define ENTER(name) table.name = on_##name;

EXPORT cl_int CL_API_CALL clInitLayer(cl_uint n, const cl_icd_dispatch *target, cl_uint *nout,
                                      const cl_icd_dispatch **out)
{
    const cl_int code = layer_take(n, target, nout, out);
    if (code) return code;
    FUNCTIONS(ENTER)
    arm_from_environment();
    return CL_SUCCESS;
}
