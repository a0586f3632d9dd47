/* reference.h - every op straight from the formulas of op.h, in double, for plain tensors. */
#ifndef SHUNT_VERIFY_REFERENCE_H
#define SHUNT_VERIFY_REFERENCE_H

#include <shunt/backend.h>

/* scales[o][i] is what outputs[o][i]'s rounding error is proportional to: the sum of the absolute values of its terms. */
void reference_op(const shunt_op_desc *desc, const double *const *inputs, double *const *outputs,
                  double *const *scales);

/* How many times its scale an output may be off. A sum of n terms, in whatever order, is a walk of n roundings: sqrt(n)
 * units in the last place; 16 more for square root, division and exp(), which OpenCL allows a few units each. error_scale: what
 * the algorithm does to that, by op_info. */
double reference_tolerance(const shunt_op_desc *desc, double error_scale);

#endif
