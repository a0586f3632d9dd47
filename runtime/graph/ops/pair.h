/* pair.h - what the rows of ADD and MUL share: two inputs of one shape, or with BROADCAST of shapes that repeat. */
#ifndef SHUNT_RUNTIME_PAIR_H
#define SHUNT_RUNTIME_PAIR_H

#include "runtime/graph/gradients.h"

bool pair_infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason);
/* Adds diff, which has the shape of op's result, to the gradient by input `index`: summed over the axes that op repeats. */
void pair_gradient_add(gradient_pass *pass, const graph_op *op, uint32_t index, shunt_value diff);

#endif
