/* gemm.h - CLBlast's matrix product, loaded when it is first wanted. */
#ifndef SHUNT_OPENCL_GEMM_H
#define SHUNT_OPENCL_GEMM_H

#include "opencl.h"

/* dst (m, n) = a (m, k) x b (n, k) transposed, all row-major and dense. */
typedef struct ocl_gemm {
    size_t m, n, k;
} ocl_gemm;

/* Bytes of temporary memory for the product, wherever its matrices begin. */
shunt_status ocl_gemm_temporary(ocl_device *device, const ocl_gemm *gemm, uint64_t *bytes);
/* temporary: a buffer from its begin, or NULL where none is needed. */
shunt_status ocl_gemm_run(shunt_bqueue *queue, const ocl_gemm *gemm, shunt_arg a, shunt_arg b, shunt_arg dst,
                          cl_mem temporary);
/* Drops the kernels that CLBlast holds, so that none outlives its context. */
void ocl_gemm_forget(void);

#endif
