/* matrix.h - which matrix units a device has (kernels-cl/matrix.cl). A family is not believed for a device's name, but for a right
 * result. */
#ifndef SHUNT_OPENCL_MATRIX_H
#define SHUNT_OPENCL_MATRIX_H

#include "kernels.h"

enum { OCL_FRAGMENT = 512, OCL_LINE = 32 }; /* elements of a fragment of src or weights; of one of its rows */
/* error_scale of gradients by weights: pixels in the padding are multiplied as zeros, so an infinity beside them makes NaN. */
enum { OCL_MATRIX_ERROR = 2 };

/* The family to use on a device that has been described but for this. It runs a kernel there, unless the cache knows. */
ocl_matrix ocl_matrix_find(const ocl_found *found);

/* The rank of algorithms on it: its speed over that of register tiles, measured on one processor each. */
int ocl_matrix_rank(ocl_matrix family);

/* Build options of kernels that use it. */
const char *ocl_matrix_option(ocl_matrix family);

#endif
