/* reference.h - every op straight from the formulas of op.h, in double, for plain tensors. */
#ifndef SHUNT_VERIFY_REFERENCE_H
#define SHUNT_VERIFY_REFERENCE_H

#include <shunt/backend.h>
#include <stdbool.h>

/* scales[o][i] is what outputs[o][i]'s rounding error is proportional to: the sum of the absolute values of its terms. */
void reference_op(const shunt_op_desc *desc, const double *const *inputs, double *const *outputs,
                  double *const *scales);

/* Terms in the sum behind one output, at most. */
double reference_terms(const shunt_op_desc *desc);

/* How many times its scale an output may be off. A sum of n terms, in whatever order, is a walk of n roundings: sqrt(n)
 * units in the last place; 16 more for square root, division and exp(), which OpenCL allows a few units each. error_scale: what
 * the algorithm does to that, by op_info. */
double reference_tolerance(const shunt_op_desc *desc, double error_scale);

/* Makes the values of an input such as a device gets them, or as_factor: as the op multiplies by them (shunt_op_rounds_input). What
 * may count as 0 becomes 0. */
void reference_round(const shunt_op_desc *op, uint32_t input, bool as_factor, double *values);

/* Whether an output of this type may be `got` where it is `expected` and, before it is rounded to 16 bits, `slack` off at most.
 * Rounding keeps the order of numbers, so a result in 16 bits lies between the two ends, rounded: no allowance comes on top. */
bool reference_allows(uint8_t dtype, double expected, double slack, double got);

#endif
