/* conv_grad.h - what the gradients of a convolution by its weights share on CPUs: sums over splits of the pixels, added up in
 * their order. How the work is cut depends on the shape alone, so the number of threads changes no bit of the result. */
#ifndef SHUNT_OPENCL_CONV_GRAD_H
#define SHUNT_OPENCL_CONV_GRAD_H

#include "conv.h"

/* The same fields as in kernels-cl/conv_grad.cl. */
typedef struct grad_cut {
    cl_int taps, chunk, rows, splits, pad_h, pad_w;
} grad_cut;

typedef struct conv_grad {
    conv_dims dims;
    grad_cut cut;
    cl_int block, m, n;   /* a part is of m channels (scalars) of src and n vectors of `block` channels of diff_dst */
    cl_int parts, groups; /* of src, of diff_dst */
} conv_grad;

enum { OCL_GRAD_STEPS = 3 }; /* of those of the op */

/* Cuts `rows` rows into splits for about so many items, while each split has at least `least` rows and their sums do not take
 * too much memory. The parts are known. */
void ocl_conv_grad_split(conv_grad *grad, cl_int rows, cl_int least, cl_int items);

/* Makes the steps, with `kernel` the one that sums, whose tensors are src, diff_dst and the sums, and whose constants begin
 * with dims and cut; and notes cost and workspace. */
shunt_status ocl_conv_grad_steps(shunt_bop *op, const conv_grad *grad, const ocl_source *source, const char *options,
                                 const char *kernel);
/* Launches them; the sums are at the start of the workspace. */
shunt_status ocl_conv_grad_run(shunt_bop *op, shunt_bqueue *queue, shunt_arg src, shunt_arg diff_dst,
                               const shunt_arg *outputs, shunt_arg workspace);

/* Why CONV_GRAD_WEIGHTS cannot be done so, or NULL. */
const char *ocl_conv_grad_refuse(const ocl_device *device, const shunt_op_desc *desc);

#endif
