/* conv_group.h - what other algorithms for GPUs use of the convolution by work-groups. */
#ifndef SHUNT_OPENCL_CONV_GROUP_H
#define SHUNT_OPENCL_CONV_GROUP_H

#include "conv_phase.h"
#include "group_tile.h"

/* A convolution, or the first phase of a gradient, as a product. */
group_product ocl_conv_group_product(const shunt_op_desc *desc);

/* Makes a step that computes `count` products at once, each of a matrix (row, C) by one (C, K): they are images of 1 x row pixels, `row` a
 * multiple of the tile's, and each image has its own weights, packed one after the other as for a 1x1 convolution. Its tensors are src,
 * packed weights, two that are not read, dst and one that is not written. */
shunt_status ocl_conv_group_batch(shunt_bop *op, ocl_step *step, const group_tile *tile, cl_int count, cl_int C,
                                  cl_int K, cl_int row);

#endif
