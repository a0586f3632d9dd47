/* pose.c - an OpenCL layer (OPENCL_LAYERS) that makes every device answer as a GPU of eight units, so that on a processor's driver the
 * kernels for GPUs are chosen and computed. In place of its extensions it claims those of POSE_EXTENSIONS, if that is set. */
#include "layer.h"

#include <stdlib.h>
#include <string.h>

static void pose(cl_device_info what, void *value)
{
    static const cl_device_type type = CL_DEVICE_TYPE_GPU;
    static const cl_uint units = 8, width = 1;
    static const cl_ulong local = 64 << 10;
    static const size_t group = 256;
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

EXPORT cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t size, void *value, size_t *used)
{
    return layer_tell("pose", what, size, value, used);
}

EXPORT cl_int CL_API_CALL clInitLayer(cl_uint n, const cl_icd_dispatch *target, cl_uint *nout,
                                      const cl_icd_dispatch **out)
{
    const cl_int code = layer_take(n, target, nout, out);
    table.clGetDeviceInfo = on_device_info;
    return code;
}
