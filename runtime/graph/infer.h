/* infer.h - what the files of shape inference share: the rule of a kind, and checks that say why an op is refused.
 * reason has SHUNT_REASON_CHARS characters; a function that returns false has filled it. */
#ifndef SHUNT_RUNTIME_INFER_H
#define SHUNT_RUNTIME_INFER_H

#include "runtime/graph/graph.h"

typedef struct infer_rule {
    uint32_t ninputs, noutputs;         /* without those that flags add */
    uint32_t flags;                     /* that the kind knows */
    uint32_t input_flags, output_flags; /* each adds an input, an output */
    /* Checks what is the kind's own, and fills the outputs' descriptors. */
    bool (*infer)(const shunt_op_desc *op, shunt_tensor_desc *outputs, char *reason);
} infer_rule;

/* infer_training.c, infer_shape.c; NULL: not one of its kinds. */
const infer_rule *infer_training_rule(uint32_t kind);
const infer_rule *infer_shape_rule(uint32_t kind);

bool infer_refuse(char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool infer_check_rank(const shunt_op_desc *op, uint32_t input, uint32_t rank, const char *what, char *reason);
bool infer_check_vector(const shunt_op_desc *op, uint32_t input, int64_t length, const char *what, char *reason);
bool infer_same_dims(const shunt_tensor_desc *a, const shunt_tensor_desc *b);
/* Plain, of the op's type. */
shunt_tensor_desc infer_plain(const shunt_op_desc *op, uint32_t rank, int64_t n, int64_t c, int64_t h, int64_t w);
/* dst is as input 0, plain. */
bool infer_same(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason);
/* Whether the forward op is right, and makes a dst of diff_dst's shape. */
bool infer_forward(const shunt_op_desc *forward, const shunt_tensor_desc *diff_dst, char *reason);

#endif
