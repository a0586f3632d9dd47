/* count_nonfinite.cl - how many elements of src are infinite or NaN.
 * count_slices: work-items (WG * slices), groups of WG: a group counts in one slice of `slice` elements, a multiple of WG * V; its
 * items take every WG-th vector. count_merge: one group adds up the slices' counts and a residual (with WITH_RESIDUAL in flags; else
 * that is any tensor, and not read). Counts are integers, so the order does not matter.
 * Memory: src read once; partial (slices) written and read once. */
#include "flat.cl"
#include "items.cl"

/* 1 where the exponent has all its bits, else 0. */
static inline ivec nonfinite(vec x)
{
    return (((LANES(as_int)(x) >> 23) & 255) + 1) >> 8;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void count_slices(__global const real *src, ulong src_at,
                                                                           __global ulong *partial, ulong partial_begin,
                                                                           ulong count, ulong slice)
{
    const ulong begin = get_group_id(0) * slice, end = min(begin + slice, count);
    ivec found = (ivec)0;
    for (ulong i = begin + get_local_id(0) * V; i < end; i += WG * V)
        found += nonfinite(load_flat(src + src_at, i, end));
    int lanes[V];
    STORE(found, lanes);
    ulong bad = 0;
    for (int lane = 0; lane < V; lane++) bad += lanes[lane];
    ADD_ITEMS(ulong, bad)
    if (get_local_id(0) == 0) partial[partial_begin / 2 + get_group_id(0)] = bad;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
count_merge(__global const ulong *partial, ulong partial_begin, __global const param *residual, ulong residual_at,
            __global param *dst, ulong dst_at, ulong slices, int flags)
{
    ulong bad = 0;
    for (ulong i = get_local_id(0); i < slices; i += WG) bad += partial[partial_begin / 2 + i];
    ADD_ITEMS(ulong, bad)
    if (get_local_id(0) > 0) return;
    dst[dst_at] = (flags & WITH_RESIDUAL ? residual[residual_at] : 0.0f) + (float)bad;
}
