/* conv.h - what the convolution algorithms share. */
#ifndef SHUNT_OPENCL_CONV_H
#define SHUNT_OPENCL_CONV_H

#include "kernels.h"

enum { OCL_CONV_MASK = 1 << 8 }; /* in conv_dims.flags: where the mask is not above 0, dst becomes 0 */

/* Sizes as kernels take them; the same fields as struct conv_dims in kernels-cl/conv.cl. */
typedef struct conv_dims {
    cl_int N, C, H, W, K, P, Q, R, S;
    cl_int stride[2], dilation[2], pad[2], groups, flags;
} conv_dims;

/* The tensors of a convolution, or in a gradient of it what is like them: diff_src, diff_weights, diff_dst. */
typedef struct conv_parts {
    const shunt_tensor_desc *src, *weights, *dst;
} conv_parts;

conv_parts ocl_conv_parts(const shunt_op_desc *desc);
conv_dims ocl_conv_dims(const shunt_op_desc *desc);

/* Where the residual stands among the inputs. */
static inline uint32_t ocl_residual_index(const shunt_op_desc *desc)
{
    return desc->kind == SHUNT_OP_CONV && desc->flags & SHUNT_FLAG_BIAS ? 3 : 2;
}

/* Why a description is neither a convolution nor a gradient of one, or NULL. */
const char *ocl_conv_refuse(const shunt_op_desc *desc);
/* Whether a block of the tensor is a vector of as many lanes as the device's block for float32 has, or in 16 bits two of them. */
bool ocl_conv_takes_block(const ocl_device *device, const shunt_tensor_desc *tensor);
/* Why the device is not for kernels made of register tiles, or NULL. */
const char *ocl_conv_refuse_tiles(const ocl_device *device);

enum { OCL_WINOGRAD_ERROR = 16 }; /* error_scale: the transforms take differences of sums */
/* Notes that dst may lie over the residual. */
void ocl_conv_inplace(shunt_bop *op);

/* Whether the weights change between runs of the network alone, so that ocl_packs_prepare may pack them (packs.h). */
bool ocl_conv_packs_ahead(const shunt_bop *op);
/* After op->pack or op->packings is made: packed weights of `bytes` bytes, once by op_pack where they are constant, ahead where
 * there are packings, else at each launch at the end of the workspace. Those of LINEAR, too. */
void ocl_conv_packed(shunt_bop *op, const char *format, uint64_t bytes);
/* At launch: where they are. */
shunt_arg ocl_conv_packed_arg(const shunt_bop *op, const shunt_arg *inputs, shunt_arg workspace);

/* At launch: gives the tensors src (diff_dst), packed weights, bias (mask), residual, dst (diff_src); what is absent is
 * src. */
void ocl_conv_tensors(shunt_bop *op, const shunt_arg *inputs, const shunt_arg *outputs, shunt_arg workspace,
                      shunt_arg tensors[5]);
/* At launch, before the weights are read: packs them, unless that has been done. */
shunt_status ocl_conv_pack(const shunt_bop *op, ocl_step *step, shunt_bqueue *queue, const shunt_arg *inputs,
                           shunt_arg workspace);

/* The launch of an algorithm of one step that takes these tensors. */
shunt_status ocl_conv_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                             shunt_arg workspace);

#endif
