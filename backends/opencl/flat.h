/* flat.h - steps on memory walked flat (kernels-cl/flat.cl). */
#ifndef SHUNT_OPENCL_FLAT_H
#define SHUNT_OPENCL_FLAT_H

#include "opencl.h"

/* A step over the elements of a tensor. `option` is appended to the build options. */
shunt_status ocl_flat_step(ocl_device *device, ocl_step *step, const shunt_tensor_desc *tensor,
                           const ocl_source *source, const char *option, const char *kernel);

#endif
