/* rows.h - steps on plain tensors walked row by row (kernels-cl/rows.cl). */
#ifndef SHUNT_OPENCL_ROWS_H
#define SHUNT_OPENCL_ROWS_H

#include "opencl.h"

/* A step over the rows of dst. Arguments 4 and 5, the number of pieces and their length, are set. */
shunt_status ocl_rows_step(ocl_device *device, ocl_step *step, const shunt_tensor_desc *dst, const ocl_source *source,
                           const char *kernel);
/* How many neighbours an item does of a row of `width`. */
cl_int ocl_row_run(const ocl_device *device, uint64_t width);
/* A tensor's dims as an argument of a kernel. */
cl_int8 ocl_row_dims(const shunt_tensor_desc *tensor);
/* Why a tensor is not plain, or NULL. */
const char *ocl_rows_refuse(const shunt_tensor_desc *tensor);

#endif
