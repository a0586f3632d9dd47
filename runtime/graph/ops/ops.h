/* ops.h - one row per kind of op: all that the runtime knows of the kind, except its
 * operands, their types, and flags (shunt_op_signature in op.h, which backends need, too) and how the checks draw and compute it
 * (runtime/verify/ops). The row of a kind is op_NAME in ops/NAME.c; the list in ops/meson.build makes the table of rows. */
#ifndef SHUNT_RUNTIME_OPS_H
#define SHUNT_RUNTIME_OPS_H

#include "runtime/graph/graph.h"

typedef struct gradient_pass gradient_pass; /* runtime/graph/gradients.h */

/* What several ranks exchange behind an op, each having seen its own pictures (runtime/plan/exchange.c). */
typedef enum op_exchange {
    OP_EXCHANGE_NOTHING,
    OP_EXCHANGE_STATISTICS, /* the outputs, means and variances of each channel: those over the pictures of all take their place */
    OP_EXCHANGE_SUMS, /* outputs 1 and 2, which went into output 0 as well: output 0 is corrected to what the sums of all make it */
    OP_EXCHANGE_TOTAL /* output 0, numbers that add up over a rank's pieces of flat values: the sum takes their place */
} op_exchange;

typedef struct op_kind {
    const char *name;  /* "conv": in reports, options and tuning keys */
    const char *onnx;  /* the ONNX operator of one input and no attributes that is this kind; NULL: none */
    uint32_t fuses;    /* SHUNT_FLAG_RESIDUAL: can do the addition behind it as well; SHUNT_FLAG_RELU: the ReLU */
    uint32_t replaces; /* how many outputs, from the first on, lie in the memory of the input of the same number */
    bool overwrites;   /* output 0 lies in the memory of input 0, an activation that no op behind this one reads */
    bool follows;      /* what it replaces, an op before it has replaced in the same run; else no other op may */
    uint32_t
        joins; /* bit i: input i is walked element by element, so that ops of the kind that differ in such inputs alone
                           can be one op on all of them (join.c). Outputs lie in inputs. Of several ranks each does a piece of it;
                           all then get output 0, the other outputs stay in pieces */
    bool unshared;        /* what it replaces is each rank's own: none of it is shared out */
    uint32_t variances;   /* bit i: input i is a variance, so positive */
    op_exchange exchange; /* STATISTICS and SUMS: if statistics are those of all ranks */
    size_t attr_bytes;    /* of shunt_op_attr; the rest is zero */

    /* Checks what is specific to the kind, and fills the outputs' descriptors except the type. false: reason says why. */
    bool (*infer)(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason);
    /* Multiply-adds, where these are what the kind does; else floating-point operations. Both NULL: it moves data only. */
    uint64_t (*macs)(const shunt_op_desc *op);
    uint64_t (*flops)(const shunt_op_desc *op);
    /* Appends the ops that compute the gradients by the inputs from diff, that by output 0. NULL: it has no gradient. */
    shunt_status (*gradient)(gradient_pass *pass, const graph_op *op, shunt_value diff);
    /* Writes the shape of output 0 into the attributes, and drops inputs that only gave it. NULL: nothing is open. */
    void (*settle)(graph_op *op, const shunt_tensor_desc *dst);
} op_kind;

/* The row of a kind; NULL if it is not a kind. */
const op_kind *op_kind_of(uint32_t kind);

#endif
