/* blocks.h - a rank-4 tensor as loops see it: (N, blocks, H, W, lanes), whatever its layout is called. NCHW has one lane,
 * NHWC one block. */
#ifndef SHUNT_ONEDNN_BLOCKS_H
#define SHUNT_ONEDNN_BLOCKS_H

#include "onednn.h"

typedef struct blocks {
    int64_t N, C, blocks, H, W, lanes;
} blocks;

static inline blocks blocks_of(const shunt_tensor_desc *t)
{
    int64_t lanes = shunt_tensor_block(t);
    return (blocks){t->dims[0], t->dims[1], (t->dims[1] + lanes - 1) / lanes, t->dims[2], t->dims[3], lanes};
}

/* Any other rank is plain, and (N, C, rest) is (N, C, rest, 1). */
static inline blocks blocks_of_any(const shunt_tensor_desc *t)
{
    if (t->rank == 4) return blocks_of(t);
    int64_t area = 1;
    for (uint32_t i = 2; i < t->rank; i++) area *= t->dims[i];
    return (blocks){t->dims[0], t->dims[1], t->dims[1], area, 1, 1};
}

/* How many lanes of a block hold channels. */
static inline int64_t blocks_used(const blocks *b, int64_t block)
{
    int64_t left = b->C - block * b->lanes;
    return left < b->lanes ? left : b->lanes;
}

#endif
