/* weighted.h - what convolutions, linear layers and their gradients share. */
#ifndef SHUNT_RUNTIME_WEIGHTED_H
#define SHUNT_RUNTIME_WEIGHTED_H

#include "runtime/graph/ops/ops.h"

/* Each weight once for each pixel and image of dst. Sums of a bias are not counted. */
uint64_t weighted_macs(const shunt_tensor_desc *dst, const shunt_tensor_desc *weights);
/* A gradient multiplies as often as the layer itself. diff_dst is its input 1. */
uint64_t weighted_grad_src_macs(const shunt_op_desc *op);
uint64_t weighted_grad_weights_macs(const shunt_op_desc *op);

/* Appends the gradients by src, weights and bias. adds: the kind grad_src takes a residual, so it can add to a sum. */
void weighted_gradient(gradient_pass *pass, const graph_op *op, uint32_t grad_src, bool adds, uint32_t grad_weights,
                       shunt_value diff);

#endif
