/* draw.h - small ops of every kind, drawn at random but reproducibly from a seed and an index. */
#ifndef SHUNT_VERIFY_DRAW_H
#define SHUNT_VERIFY_DRAW_H

#include <shunt/backend.h>

/* Fills a plain float32 descriptor: odd sizes, strides, asymmetric padding, dilation, groups, any flags. */
void draw_op(uint32_t kind, uint64_t seed, uint64_t index, shunt_op_desc *out);

/* The elements of input `input` of the op: in [-1, 1), but [0.5, 1.5) for a variance, and what else the kind's inputs mean:
 * class numbers, the statistics of src, few enough values that a maximum is often shared. Exact in float32 except for those
 * statistics. name is the key of runtime/base/random.h, "NAME/INPUT" there. */
void draw_input(const shunt_op_desc *desc, const char *name, uint32_t input, double *values);

#endif
