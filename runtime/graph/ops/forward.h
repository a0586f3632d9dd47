/* forward.h - shapes of gradients. A gradient is checked by its forward op: that must accept the shapes, and make what
 * diff_dst is the gradient of. Where the shapes do not follow from the inputs (a stride leaves them open), C, H, W of diff_src
 * and all of diff_weights are those that desc->outputs has already. */
#ifndef SHUNT_RUNTIME_FORWARD_H
#define SHUNT_RUNTIME_FORWARD_H

#include <shunt/backend.h>
#include <stdbool.h>

/* An op of the kind with this src and the attributes of `op`. */
shunt_op_desc forward_op(const shunt_op_desc *op, uint32_t kind, const shunt_tensor_desc *src);
/* Whether the forward op is right, and makes a dst of diff_dst's shape. */
bool forward_check(const shunt_op_desc *forward, const shunt_tensor_desc *diff_dst, char *reason);
/* The same for a convolution or linear layer, whose diff_dst is the gradient's input 1. */
bool forward_check_weighted(const shunt_op_desc *op, uint32_t kind, const shunt_tensor_desc *src,
                            const shunt_tensor_desc *weights, char *reason);
/* The shape that output `index` was given; and of a diff_src, for a batch of N. */
bool forward_given(const shunt_op_desc *op, uint32_t index, uint32_t rank, shunt_tensor_desc *out, char *reason);
bool forward_given_src(const shunt_op_desc *op, int64_t N, shunt_tensor_desc *out, char *reason);
/* diff_src of a kind whose gradient reads diff_dst only. */
bool forward_infer_src(const shunt_op_desc *op, uint32_t kind, shunt_tensor_desc *diff_src, char *reason);

#endif
