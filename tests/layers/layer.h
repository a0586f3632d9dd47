/* layer.h - what every OpenCL layer of the tests has: the driver's functions, the table that replaces them, and answers to the loader. A
 * layer includes it once, and exports clGetLayerInfo and clInitLayer. */
#ifndef SHUNT_TESTS_LAYER_H
#define SHUNT_TESTS_LAYER_H

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_layer.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static const cl_icd_dispatch *driver;
static cl_icd_dispatch table;

/* For clGetLayerInfo. */
static inline cl_int layer_tell(const char *name, cl_layer_info what, size_t size, void *value, size_t *used)
{
    const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    const void *answer = what == CL_LAYER_NAME ? (const void *)name : &version;
    const size_t bytes = what == CL_LAYER_NAME ? strlen(name) + 1 : sizeof version;
    if (what != CL_LAYER_NAME && what != CL_LAYER_API_VERSION) return CL_INVALID_VALUE;
    if (value && size < bytes) return CL_INVALID_VALUE;
    if (value) memcpy(value, answer, bytes);
    if (used) *used = bytes;
    return CL_SUCCESS;
}

/* For clInitLayer: the table begins as the driver's. */
static inline cl_int layer_take(cl_uint n, const cl_icd_dispatch *target, cl_uint *nout, const cl_icd_dispatch **out)
{
    if (!target || !nout || !out || n < sizeof table / sizeof(void *)) return CL_INVALID_VALUE;
    driver = target;
    table = *target;
    *nout = sizeof table / sizeof(void *);
    *out = &table;
    return CL_SUCCESS;
}

#endif
