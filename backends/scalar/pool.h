/* pool.h - the windows of poolings and their gradients. */
#ifndef SHUNT_SCALAR_POOL_H
#define SHUNT_SCALAR_POOL_H

#include "op.h"

/* The rows from, from + step ... below to of src that window number `index` of one direction covers. */
typedef struct span {
    int64_t from, to, step;
} span;

static inline span clip(const shunt_pool_attr *pool, int direction, int64_t step, int64_t length, int64_t index)
{
    int64_t from = index * pool->stride[direction] - pool->pad_before[direction];
    int64_t to = from + (pool->window[direction] - 1) * step + 1;
    if (from < 0) from += (-from + step - 1) / step * step;
    return (span){from, to > length ? length : to, step};
}

static inline int64_t size(span s)
{
    return s.from < s.to ? (s.to - s.from - 1) / s.step + 1 : 0;
}

#endif
