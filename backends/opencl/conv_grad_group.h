/* conv_grad_group.h - what gradients by weights share on GPUs: products of matrices over splits of the pixels, whose sums are added up in
 * their order. */
#ifndef SHUNT_OPENCL_CONV_GRAD_GROUP_H
#define SHUNT_OPENCL_CONV_GRAD_GROUP_H

#include "conv.h"
#include "group_tile.h"

/* The same fields as in kernels-cl/conv_grad_cut.cl. */
struct group_grad {
    cl_int taps, columns, stride, pixels, splits;
};

/* The product, of a cut whose pixels and splits are not known yet. */
group_product ocl_grad_product(const group_grad *g, const conv_dims *d);
/* Cuts the pixels into about so many splits, of whole steps of so many pixels. */
void ocl_grad_split(group_grad *g, const conv_dims *d, cl_int step, cl_int splits);

/* Makes the steps behind the first: they add up the splits, unless sums.c does so later, and make diff_bias where it is wanted. Notes
 * the memory of the splits' sums. */
shunt_status ocl_grad_sum_make(shunt_bop *op, const group_grad *g, const conv_dims *d);
/* The build options of what adds them up. */
void ocl_grad_sum_options(const ocl_device *device, char *options);
/* Launches all. The first step takes src, diff_dst and the sums. */
shunt_status ocl_grad_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                             shunt_arg workspace);

#endif
