/* channel.h - where the elements of one channel lie: batch norms. */
#ifndef SHUNT_VERIFY_CHANNEL_H
#define SHUNT_VERIFY_CHANNEL_H

#include <shunt/backend.h>

typedef struct channel {
    int64_t c, C, area, m; /* m: elements */
} channel;

static inline channel channel_at(const shunt_tensor_desc *src, int64_t c)
{
    int64_t C = src->dims[1], m = (int64_t)shunt_tensor_count(src) / C;
    return (channel){c, C, m / src->dims[0], m};
}

/* The index of the channel's element i. */
static inline int64_t channel_place(const channel *k, int64_t i)
{
    return (i / k->area * k->C + k->c) * k->area + i % k->area;
}

#endif
