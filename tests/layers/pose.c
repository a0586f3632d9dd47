/* pose.c - an OpenCL layer (OPENCL_LAYERS) that makes every device answer as a GPU of eight units, so that on a processor's driver the
 * kernels for GPUs are chosen and computed. In place of its extensions it claims those of POSE_EXTENSIONS, if that is set. POSE_GROUP and
 * POSE_LOCAL are the most work-items and bytes of local memory of a work-group; a kernel that wants more is not run. */
#include "layer.h"

#include <stdlib.h>
#include <string.h>

static size_t limit(const char *variable, size_t usual)
{
    const char *text = getenv(variable);
    return text ? strtoul(text, NULL, 10) : usual;
}

static size_t most_items(void)
{
    return limit("POSE_GROUP", 256);
}

static cl_ulong most_local(void)
{
    return limit("POSE_LOCAL", 64 << 10);
}

static void pose(cl_device_info what, void *value)
{
    const cl_ulong local = most_local();
    const size_t group = most_items();
    static const cl_device_type type = CL_DEVICE_TYPE_GPU;
    static const cl_uint units = 8, width = 1;
    if (what == CL_DEVICE_TYPE) memcpy(value, &type, sizeof type);
    if (what == CL_DEVICE_MAX_COMPUTE_UNITS) memcpy(value, &units, sizeof units);
    if (what == CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT) memcpy(value, &width, sizeof width);
    if (what == CL_DEVICE_LOCAL_MEM_SIZE) memcpy(value, &local, sizeof local);
    if (what == CL_DEVICE_MAX_WORK_GROUP_SIZE) memcpy(value, &group, sizeof group);
}

static cl_int answer_text(const char *text, size_t size, void *value, size_t *used)
{
    const size_t bytes = strlen(text) + 1;
    if (used) *used = bytes;
    if (value && size < bytes) return CL_INVALID_VALUE;
    if (value) memcpy(value, text, bytes);
    return CL_SUCCESS;
}

static cl_int CL_API_CALL on_device_info(cl_device_id device, cl_device_info what, size_t size, void *value,
                                         size_t *used)
{
    const char *claims = getenv("POSE_EXTENSIONS");
    if (what == CL_DEVICE_EXTENSIONS && claims) return answer_text(claims, size, value, used);
    const cl_int code = driver->clGetDeviceInfo(device, what, size, value, used);
    if (!code && value) pose(what, value);
    return code;
}

/* As a device with these limits would refuse it. */
static cl_int refuse(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *group)
{
    cl_device_id device;
    cl_ulong local;
    size_t items = 1;
    for (cl_uint i = 0; i < dims; i++) items *= group[i];
    cl_int code = driver->clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof device, &device, NULL);
    if (!code)
        code = driver->clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    if (code) return code;
    return items > most_items() ? CL_INVALID_WORK_GROUP_SIZE : local > most_local() ? CL_OUT_OF_RESOURCES : CL_SUCCESS;
}

static cl_int CL_API_CALL on_run(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset,
                                 const size_t *global, const size_t *local, cl_uint nwait, const cl_event *wait,
                                 cl_event *event)
{
    const cl_int code = local ? refuse(queue, kernel, dims, local) : CL_SUCCESS;
    if (code) return code;
    return driver->clEnqueueNDRangeKernel(queue, kernel, dims, offset, global, local, nwait, wait, event);
}

EXPORT cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t size, void *value, size_t *used)
{
    return layer_tell("pose", what, size, value, used);
}

EXPORT cl_int CL_API_CALL clInitLayer(cl_uint n, const cl_icd_dispatch *target, cl_uint *nout,
                                      const cl_icd_dispatch **out)
{
    const cl_int code = layer_take(n, target, nout, out);
    table.clGetDeviceInfo = on_device_info;
    table.clEnqueueNDRangeKernel = on_run;
    return code;
}
