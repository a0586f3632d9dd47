/* op.h - between op.c, which keeps an op and runs it, and choose.c, which finds the implementation that computes it. */
#ifndef SHUNT_ONEDNN_OP_H
#define SHUNT_ONEDNN_OP_H

#include "onednn.h"

typedef struct onednn_choice {
    onednn_recipe recipe; /* its attr is gone */
    dnnl_primitive_desc_t pd;
    char algorithm[SHUNT_ALGORITHM_CHARS];
} onednn_choice;

/* The caller destroys out->pd, unless it fails. */
shunt_status onednn_choose(const onednn_device *device, const onednn_kind *kind, const shunt_op_desc *desc,
                           onednn_choice *out);
/* Whether a loop takes the op. */
shunt_status onednn_check_loop(const onednn_kind *kind, const shunt_op_desc *desc);

#endif
