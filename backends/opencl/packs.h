/* packs.h - weights that a training step changes, packed for all convolutions at once: a launch for each buffer that they lie in, instead
 * of one for each convolution. */
#ifndef SHUNT_OPENCL_PACKS_H
#define SHUNT_OPENCL_PACKS_H

#include "conv_phase.h"

/* The weights of one phase; the same fields as in kernels-cl/packing.cl. */
typedef struct ocl_packing {
    conv_dims dims;
    conv_view view;
    cl_ulong src, dst; /* elements; of dst, before packs_prepare, from the beginning of the op's packed weights */
    cl_ulong first;    /* work-group; set by packs_prepare */
    cl_ulong count;    /* elements that a work-item each makes */
    cl_int rows, width, step, plain;
} ocl_packing;

/* All of an op. The kernel takes weights, packed weights and a list of packings, then their number. */
struct ocl_packings {
    const ocl_source *source;
    const char *kernel;
    char options[OCL_OPTIONS_CHARS];
    uint32_t count;
    ocl_packing list[];
};

/* Room for so many, or NULL without memory; it becomes the op's. */
ocl_packings *ocl_packings_make(shunt_bop *op, const ocl_source *source, const char *kernel, uint32_t most);

#endif
