/* wave.h - how a GPU's matrix units are reached (kernels-cl/wave.cl). A family is not believed for a device's name or what its driver
 * claims, but for a right result. */
#ifndef SHUNT_OPENCL_WAVE_H
#define SHUNT_OPENCL_WAVE_H

#include "kernels.h"

typedef struct wave_family {
    const char *name;
    const char *options; /* of the build */
    const char *driver;  /* more of them, that only its vendor's driver knows */
    cl_int lanes;        /* of a wave */
    cl_int padding;      /* numbers behind each row in local memory */
} wave_family;

/* Of a family but OCL_WAVE_NONE. */
const wave_family *ocl_wave_family(ocl_wave family);
/* The one of that name, or OCL_WAVE_NONE. */
ocl_wave ocl_wave_by_name(const char *name);

/* The family to use for a type of data, SHUNT_F16 or SHUNT_BF16, on a device that has been described but for this. It runs kernels
 * there, unless the cache knows. */
ocl_wave ocl_wave_find(const ocl_found *found, uint8_t dtype);

/* What was found. */
static inline ocl_wave ocl_wave_of(const ocl_found *found, uint8_t dtype)
{
    return dtype == SHUNT_F16 ? found->wave_f16 : dtype == SHUNT_BF16 ? found->wave_bf16 : OCL_WAVE_NONE;
}

#endif
