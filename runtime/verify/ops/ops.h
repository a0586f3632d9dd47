/* ops.h - one row per kind of op: how the checks draw ops of the kind, and what is right. What else the runtime knows of the
 * kind stands in runtime/graph/ops. The row of a kind is verify_NAME in ops/NAME.c, for the same list of kinds. */
#ifndef SHUNT_VERIFY_OPS_H
#define SHUNT_VERIFY_OPS_H

#include "runtime/verify/dice.h"

#include <stdbool.h>

typedef struct verify_op {
    /* Fills a plain float32 descriptor, in which kind and noutputs = 1 are set. */
    void (*draw)(dice *d, shunt_op_desc *op);
    /* Computes the op from the formula of op.h, in double, from plain tensors. out and scale start as zeros; scale[o][i] is what
     * the rounding error of out[o][i] is proportional to: the sum of the absolute values of its terms; of a quotient or power its own
     * absolute value, once for each such step. */
    void (*reference)(const shunt_op_desc *op, const double *const *in, double *const *out, double *const *scale);
    /* Terms in the sum behind one output, at most. NULL: as many as input 0 has channels. */
    double (*terms)(const shunt_op_desc *op);
    /* Element i of an input, from u in [0, 1). NULL: 2 u - 1, but 0.5 + u for a variance. name: see draw_input in draw.h. */
    double (*element)(const shunt_op_desc *op, const char *name, uint32_t input, uint64_t i, double u);
    uint32_t dst_inputs; /* bit i: input i has the shape of what the forward op makes: diff_dst, a residual */
    /* Number of the input that NaN and infinities are put into: one that padding does not multiply by 0. */
    uint32_t nonfinite_input;
    bool
        spreads; /* a NaN may take others along, since the formula can be written in several ways: it must not be lost */
    bool makes_src; /* a gradient, whose outputs have the layout of src */
    bool own_types; /* draw says which types the tensors have; else all are float32, and then float64 */
    bool linear;    /* in its inputs, up to a ReLU: on absolute values the op gives the size of its rounding error */
} verify_op;

/* kind: any that is one. */
const verify_op *verify_op_of(uint32_t kind);

#endif
