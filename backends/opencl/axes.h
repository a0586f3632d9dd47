/* axes.h - memory as axes: for ops that repeat or add up along some of them, in any layout. */
#ifndef SHUNT_OPENCL_AXES_H
#define SHUNT_OPENCL_AXES_H

#include "opencl.h"

/* What a loop over all of a tensor's memory needs to find its place in two others, whose axes of 1 are repeated. Axes that lie
 * alike in all three are one. At least one axis. */
typedef struct ocl_axes {
    uint32_t rank;
    int64_t dims[SHUNT_MAX_RANK];
    int64_t steps[2][SHUNT_MAX_RANK]; /* elements from one index of the axis to the next; 0: repeated */
} ocl_axes;

/* Why `part` cannot be repeated to `whole` in memory, or NULL. */
const char *ocl_axes_refuse(const shunt_tensor_desc *whole, const shunt_tensor_desc *part);
ocl_axes ocl_axes_of(const shunt_tensor_desc *whole, const shunt_tensor_desc *first, const shunt_tensor_desc *second);

#endif
