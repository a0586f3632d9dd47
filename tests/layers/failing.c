/* failing.c - an OpenCL layer (OPENCL_LAYERS) that makes the n-th call fail, and counts the objects that are alive. The test
 * opens this same library to arm it. Entries follow the order of the calls' use. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <CL/cl_layer.h>
#include <stddef.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT void failing_arm(int nth);
EXPORT const char *failing_fired(void);
EXPORT int failing_alive(void);

static const struct _cl_icd_dispatch *next;
static struct _cl_icd_dispatch own;
static int countdown, alive;
static const char *fired;

/* From now on the nth call fails; 0: none. */
void failing_arm(int nth)
{
    countdown = nth;
    fired = NULL;
}

/* The call that failed, or NULL. */
const char *failing_fired(void)
{
    return fired;
}

int failing_alive(void)
{
    return alive;
}

static cl_int fails(const char *call)
{
    if (countdown == 0 || --countdown > 0) return CL_SUCCESS;
    fired = call;
    return CL_OUT_OF_RESOURCES;
}

/* For a call that makes an object. */
static int refuses(const char *call, cl_int *code)
{
    if (!fails(call)) return 0;
    if (code) *code = CL_OUT_OF_RESOURCES;
    return 1;
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint n,
                                             const cl_device_id *ids,
                                             void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
                                             void *data, cl_int *code)
{
    if (refuses("clCreateContext", code)) return NULL;
    cl_context made = next->clCreateContext(properties, n, ids, notify, data, code);
    alive += made != NULL;
    return made;
}

static cl_command_queue CL_API_CALL create_queue(cl_context context, cl_device_id id, cl_command_queue_properties how,
                                                 cl_int *code)
{
    if (refuses("clCreateCommandQueue", code)) return NULL;
    cl_command_queue made = next->clCreateCommandQueue(context, id, how, code);
    alive += made != NULL;
    return made;
}

static cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t bytes, void *host, cl_int *code)
{
    if (refuses("clCreateBuffer", code)) return NULL;
    cl_mem made = next->clCreateBuffer(context, flags, bytes, host, code);
    alive += made != NULL;
    return made;
}

static cl_program CL_API_CALL create_program(cl_context context, cl_uint n, const char **texts, const size_t *sizes,
                                             cl_int *code)
{
    if (refuses("clCreateProgramWithSource", code)) return NULL;
    cl_program made = next->clCreateProgramWithSource(context, n, texts, sizes, code);
    alive += made != NULL;
    return made;
}

static cl_kernel CL_API_CALL create_kernel(cl_program program, const char *name, cl_int *code)
{
    if (refuses("clCreateKernel", code)) return NULL;
    cl_kernel made = next->clCreateKernel(program, name, code);
    alive += made != NULL;
    return made;
}

static cl_int CL_API_CALL release_context(cl_context object)
{
    alive--;
    return next->clReleaseContext(object);
}

static cl_int CL_API_CALL release_queue(cl_command_queue object)
{
    alive--;
    return next->clReleaseCommandQueue(object);
}

static cl_int CL_API_CALL release_memory(cl_mem object)
{
    alive--;
    return next->clReleaseMemObject(object);
}

static cl_int CL_API_CALL release_program(cl_program object)
{
    alive--;
    return next->clReleaseProgram(object);
}

static cl_int CL_API_CALL release_kernel(cl_kernel object)
{
    alive--;
    return next->clReleaseKernel(object);
}

static cl_int CL_API_CALL build_program(cl_program program, cl_uint n, const cl_device_id *ids, const char *options,
                                        void(CL_CALLBACK *notify)(cl_program, void *), void *data)
{
    cl_int code = fails("clBuildProgram");
    return code ? code : next->clBuildProgram(program, n, ids, options, notify, data);
}

static cl_int CL_API_CALL kernel_info(cl_kernel kernel, cl_device_id id, cl_kernel_work_group_info what, size_t size,
                                      void *value, size_t *used)
{
    cl_int code = fails("clGetKernelWorkGroupInfo");
    return code ? code : next->clGetKernelWorkGroupInfo(kernel, id, what, size, value, used);
}

static cl_int CL_API_CALL set_argument(cl_kernel kernel, cl_uint index, size_t size, const void *value)
{
    cl_int code = fails("clSetKernelArg");
    return code ? code : next->clSetKernelArg(kernel, index, size, value);
}

static cl_int CL_API_CALL run_kernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset,
                                     const size_t *global, const size_t *local, cl_uint n, const cl_event *events,
                                     cl_event *event)
{
    cl_int code = fails("clEnqueueNDRangeKernel");
    return code ? code : next->clEnqueueNDRangeKernel(queue, kernel, dims, offset, global, local, n, events, event);
}

static cl_int CL_API_CALL write_buffer(cl_command_queue queue, cl_mem memory, cl_bool wait, size_t offset, size_t bytes,
                                       const void *from, cl_uint n, const cl_event *events, cl_event *event)
{
    cl_int code = fails("clEnqueueWriteBuffer");
    return code ? code : next->clEnqueueWriteBuffer(queue, memory, wait, offset, bytes, from, n, events, event);
}

static cl_int CL_API_CALL read_buffer(cl_command_queue queue, cl_mem memory, cl_bool wait, size_t offset, size_t bytes,
                                      void *to, cl_uint n, const cl_event *events, cl_event *event)
{
    cl_int code = fails("clEnqueueReadBuffer");
    return code ? code : next->clEnqueueReadBuffer(queue, memory, wait, offset, bytes, to, n, events, event);
}

static cl_int CL_API_CALL finish(cl_command_queue queue)
{
    cl_int code = fails("clFinish");
    next->clFinish(queue); /* the commands are done in any case, so that their memory may go */
    return code;
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t size, void *value, size_t *used)
{
    if (what != CL_LAYER_API_VERSION || (value && size < sizeof(cl_layer_api_version))) return CL_INVALID_VALUE;
    if (value) *(cl_layer_api_version *)value = CL_LAYER_API_VERSION_100;
    if (used) *used = sizeof(cl_layer_api_version);
    return CL_SUCCESS;
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint entries, const struct _cl_icd_dispatch *target,
                                                   cl_uint *own_entries, const struct _cl_icd_dispatch **layer)
{
    if (!target || !own_entries || !layer || entries < sizeof own / sizeof own.clGetPlatformIDs)
        return CL_INVALID_VALUE;
    next = target;
    own = *target;
    own.clCreateContext = create_context;
    own.clCreateCommandQueue = create_queue;
    own.clCreateBuffer = create_buffer;
    own.clCreateProgramWithSource = create_program;
    own.clCreateKernel = create_kernel;
    own.clReleaseContext = release_context;
    own.clReleaseCommandQueue = release_queue;
    own.clReleaseMemObject = release_memory;
    own.clReleaseProgram = release_program;
    own.clReleaseKernel = release_kernel;
    own.clBuildProgram = build_program;
    own.clGetKernelWorkGroupInfo = kernel_info;
    own.clSetKernelArg = set_argument;
    own.clEnqueueNDRangeKernel = run_kernel;
    own.clEnqueueWriteBuffer = write_buffer;
    own.clEnqueueReadBuffer = read_buffer;
    own.clFinish = finish;
    *own_entries = sizeof own / sizeof own.clGetPlatformIDs;
    *layer = &own;
    return CL_SUCCESS;
}
