/* dice.h - what the rows share to draw ops: a stream of draws, and the parts of a descriptor. */
#ifndef SHUNT_VERIFY_DICE_H
#define SHUNT_VERIFY_DICE_H

#include <shunt/backend.h>

typedef struct dice {
    uint64_t key, next;
} dice;

int64_t dice_between(dice *d, int64_t low, int64_t high);
int dice_one_in(dice *d, int64_t n);

/* Plain float32 of the first `rank` of the dims. */
shunt_tensor_desc dice_tensor(uint32_t rank, int64_t n, int64_t c, int64_t h, int64_t w);
/* Appends an input; constant ones are what a network learns and does not change while it runs. */
void dice_input(shunt_op_desc *op, shunt_tensor_desc desc, int constant);

/* Places of a window along one axis; padding: of both sides. */
int64_t dice_places(int64_t length, int64_t window, int64_t stride, int64_t dilation, int64_t padding);

/* An activation, one in four a matrix. */
shunt_tensor_desc dice_activation(dice *d);
/* Of any rank from `least` to 6, of at most 6 elements an axis. */
shunt_tensor_desc dice_any_rank(dice *d, int64_t least);
/* N rows of C scores. */
shunt_tensor_desc dice_matrix(dice *d);
/* Weights of a convolution or a linear layer, or a vector. */
shunt_tensor_desc dice_parameter(dice *d);

/* A gradient is drawn as the op that it belongs to, whose tensors then take their places in it: a drawn op of the kind, one
 * that has a gradient; `op` has its attributes. */
shunt_op_desc dice_forward(dice *d, uint32_t kind, shunt_op_desc *op);
/* All of a gradient that reads diff_dst only. */
void dice_gradient_of(dice *d, uint32_t kind, shunt_op_desc *op);

/* The stream that an input's elements come from. */
uint64_t dice_input_key(const char *name, uint32_t input);

#endif
