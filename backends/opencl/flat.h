/* flat.h - steps on memory walked flat (kernels-cl/flat.cl). */
#ifndef SHUNT_OPENCL_FLAT_H
#define SHUNT_OPENCL_FLAT_H

#include "opencl.h"

/* Whether a last block has lanes without a channel. */
bool ocl_flat_has_spare(const shunt_tensor_desc *tensor);
/* A step over the elements of a tensor. `option` is appended to the build options. Where there are spare lanes, no vector
 * crosses a block. */
shunt_status ocl_flat_step(ocl_device *device, ocl_step *step, const shunt_tensor_desc *tensor,
                           const ocl_source *source, const char *option, const char *kernel);

#endif
