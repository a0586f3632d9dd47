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

/* What the phases read. */
static inline const shunt_tensor_desc *ocl_phase_src(const shunt_op_desc *desc)
{
    return &desc->inputs[desc->kind == SHUNT_OP_CONV ? 0 : 1];
}

uint32_t ocl_conv_phases(const shunt_op_desc *desc);
conv_phase ocl_conv_phase(const shunt_op_desc *desc, uint32_t index);

enum { OCL_MOST_PHASES = 64, OCL_PHASE_TENSORS = 6 }; /* each has kernels of its own; the most tensors of one */

/* The kernels of a phase: what packs its weights, unless op_pack did, and what computes its pixels. */
typedef struct phase_steps {
    ocl_step *conv, *pack; /* the op's own, for the first phase with pixels; pack NULL: it has no taps, so no weights */
    ocl_step steps[2];     /* of the others */
    uint64_t packed_at;    /* where its packed weights begin among the op's, in bytes; 0 where each phase packs anew */
    bool empty;            /* it has no pixels */
} phase_steps;

/* Makes the steps of all phases of the op (list has one entry for each), by `make` for each that has pixels. */
typedef shunt_status (*phase_make)(shunt_bop *op, const conv_phase *phase, phase_steps *steps);
shunt_status ocl_phases_make(shunt_bop *op, phase_steps *list, phase_make make);
/* Launches them, all with the same tensors, of which the second is the packed weights. */
shunt_status ocl_phases_launch(const shunt_bop *op, const phase_steps *list, shunt_bqueue *queue,
                               const shunt_arg *inputs, shunt_arg workspace, uint32_t ntensors,
                               const shunt_arg *tensors);
void ocl_phases_destroy(const shunt_bop *op, phase_steps *list);

/* Makes the step that adds up the parts of split sums, over all phases' pixels (conv_sum.cl), and notes the workspace for them. Its
 * tensors are bias (mask), residual, dst and the parts, each of them like dst in float32. */
shunt_status ocl_conv_sum_make(shunt_bop *op, ocl_step *step, cl_int splits);
/* Launches all phases of an op, and behind them the step that adds up the parts; NULL: its sums are not split. */
shunt_status ocl_phases_launch_sums(shunt_bop *op, const phase_steps *list, ocl_step *sum, shunt_bqueue *queue,
                                    const shunt_arg *inputs, const shunt_arg *outputs, shunt_arg workspace);

/* Why CONV or CONV_GRAD_SRC cannot be done so, whatever the algorithm; or NULL. */
const char *ocl_conv_refuse_gradient(const shunt_op_desc *desc);
/* Why CONV or CONV_GRAD_SRC cannot be done so in the device's layout, or NULL. */
const char *ocl_conv_refuse_phases(const ocl_device *device, const shunt_op_desc *desc);

#endif
