/* layout.h - between a plain array of doubles and a tensor's memory in its own type and layout. */
#ifndef SHUNT_VERIFY_LAYOUT_H
#define SHUNT_VERIFY_LAYOUT_H

#include <shunt/backend.h>
#include <stdbool.h>

/* Rounds to the tensor's type; lanes past the channels are zero. */
void layout_store(const shunt_tensor_desc *tensor, const double *plain, void *storage);
/* Makes each element one that the tensor's type holds. */
void layout_round(const shunt_tensor_desc *tensor, double *plain);
/* Back again. false: a lane past the channels is not zero. */
bool layout_load(const shunt_tensor_desc *tensor, const void *storage, double *plain);

/* The op with these channel blocks on its activations, src_block on those of src's shape, dst_block on those of dst's (a
 * residual, diff_dst), and its data of this type, where the kind draws none of its own. */
shunt_op_desc layout_op(const shunt_op_desc *plain, uint8_t dtype, uint16_t src_block, uint16_t dst_block);

#endif
