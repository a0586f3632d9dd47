/* conv_phase.h - convolutions and their gradients by src as convolutions of one form, for the algorithms that do both. */
#ifndef SHUNT_OPENCL_CONV_PHASE_H
#define SHUNT_OPENCL_CONV_PHASE_H

#include "conv.h"

/* Weight (k, c, r, s) lies at first + k * step[0] + c * step[1] + r * step[2] + s * step[3]; as in kernels-cl/conv.cl. */
typedef struct conv_view {
    cl_long first, step[4];
} conv_view;

enum { OCL_PACK_CHANNELS = 16 }; /* of src, that a work-item packs; PACK_CHANNELS in kernels-cl/conv.cl */

/* Pixel (p, q) lies in row first[0] + p * step[0] of size[0], column likewise; as in kernels-cl/conv.cl. */
typedef struct conv_place {
    cl_int first[2], step[2], size[2];
} conv_place;

/* CONV is one phase. Of CONV_GRAD_SRC those rows and columns of diff_src are one that leave the same remainder by the stride,
 * as they meet the same taps: a convolution of diff_dst, of stride 1, with these weights turned round, K and C exchanged. */
typedef struct conv_phase {
    conv_dims dims; /* without a tap R = S = 1 */
    cl_int taps;    /* R * S, or 0 */
    conv_view weights;
    conv_place place; /* in dst */
} conv_phase;

uint32_t ocl_conv_phases(const shunt_op_desc *desc);
conv_phase ocl_conv_phase(const shunt_op_desc *desc, uint32_t index);

/* Why CONV or CONV_GRAD_SRC cannot be done so in the device's layout, or NULL. */
const char *ocl_conv_refuse_phases(const ocl_device *device, const shunt_op_desc *desc);

#endif
