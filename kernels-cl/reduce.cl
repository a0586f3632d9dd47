/* reduce.cl - each element of dst is the sum of `terms` elements of src. kept: the axes of src that dst has, summed: the others, of
 * both the last one first, with their steps in src.
 * Work-items (WG * elements of dst), groups of WG: a group makes one element. Its items take every WG-th term and add up their
 * parts as a tree: the order is fixed, so the result is reproducible. Reads src once. */
#include "common.cl"

enum { TILE = 32 }; /* terms added up on their own, so that a long sum does not lose its small terms */

static inline ulong offset_of(ulong index, int axes, const struct longs *size, const struct longs *step)
{
    ulong offset = 0;
    for (int axis = 0; axis < axes; axis++) {
        offset += index % (ulong)size->axis[axis] * (ulong)step->axis[axis];
        index /= (ulong)size->axis[axis];
    }
    return offset;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
reduce_sum(__global const real *src, ulong src_at, __global real *dst, ulong dst_at, ulong terms, int nkept,
           const struct longs kept, const struct longs kept_steps, int nsummed, const struct longs summed,
           const struct longs summed_steps)
{
    const int item = get_local_id(0);
    acc sum = 0.0f;
    src += src_at + offset_of(get_group_id(0), nkept, &kept, &kept_steps);
    for (ulong begin = item; begin < terms; begin += WG * TILE) {
        acc part = 0.0f;
        for (ulong i = begin; i < min(begin + WG * TILE, terms); i += WG)
            part += load(src, offset_of(i, nsummed, &summed, &summed_steps));
        sum += part;
    }
#if WG > 1
    __local acc parts[WG];
    parts[item] = sum;
    for (int stride = WG / 2; stride > 0; stride /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < stride) parts[item] += parts[item + stride];
    }
    if (item > 0) return;
    sum = parts[0];
#endif
    store(sum, dst, dst_at + get_group_id(0));
}
