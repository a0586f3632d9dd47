/* pair.h - what ADD and MUL share: two inputs of dst's shape, or with BROADCAST of shapes whose axes of 1 are repeated. */
#ifndef SHUNT_SCALAR_PAIR_H
#define SHUNT_SCALAR_PAIR_H

#include "op.h"

static inline shunt_status pair_check_broadcast(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *a = &desc->inputs[0], *b = &desc->inputs[1];
    int64_t dims[SHUNT_MAX_RANK] = {0};
    shunt_status status = scalar_expect_rank(b, "b", a->rank);
    if (status) return status;
    for (uint32_t i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i] && a->dims[i] != 1 && b->dims[i] != 1)
            return scalar_fail(SHUNT_E_INVALID, "a and b do not broadcast in axis %u", i);
        dims[i] = a->dims[i] == 1 ? b->dims[i] : a->dims[i];
    }
    return scalar_expect_dims(&desc->outputs[0], "dst", a->rank, dims);
}

static inline shunt_status pair_check(const shunt_op_desc *desc)
{
    if (desc->flags & SHUNT_FLAG_BROADCAST) return pair_check_broadcast(desc);
    shunt_status status = scalar_expect_same(&desc->inputs[1], "b", &desc->inputs[0]);
    return status ? status : scalar_expect_same(&desc->outputs[0], "dst", &desc->inputs[0]);
}

/* The index in t of this place in dst: axes of 1 in t are repeated. */
static inline int64_t pair_index(const shunt_tensor_desc *t, const int64_t *at)
{
    int64_t index = 0;
    for (uint32_t i = 0; i < t->rank; i++) index = index * t->dims[i] + (t->dims[i] == 1 ? 0 : at[i]);
    return index;
}

#endif
