/* sum_squares.cl - the sums of the squares of two tensors of one shape, weights and diff.
 * square_slices: work-items (WG * slices, 2), groups of WG: a group adds up one slice of `slice` elements, a multiple of WG * V, of one
 * of the two; its items take every WG-th vector, TILE of them at a time. square_merge: work-items (WG, 2); a group adds up the slices'
 * sums of one tensor. Items' sums are added as a tree: the order is fixed, so the result is reproducible.
 * Memory: both tensors read once; partial (2, slices) written and read once. */
#include "flat.cl"
#include "items.cl"

enum { TILE = 32 }; /* vectors added up on their own, so that a long sum does not lose its small terms */

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
square_slices(__global const real *weights, ulong weights_at, __global const real *diff, ulong diff_at, __global float *partial,
              ulong partial_at, ulong count, ulong slice)
{
    __global const real *src = get_group_id(1) ? diff + diff_at : weights + weights_at;
    const ulong begin = get_group_id(0) * slice, end = min(begin + slice, count);
    vec all = (vec)0.0f;
    for (ulong from = begin + get_local_id(0) * V; from < end; from += TILE * WG * V) {
        vec part = (vec)0.0f;
        for (ulong i = from; i < min(from + TILE * WG * V, end); i += WG * V) {
            const vec x = load_flat(src, i, end);
            part = fma(x, x, part);
        }
        all += part;
    }
    float lanes[V], sum = 0.0f;
    STORE(all, lanes);
    for (int lane = 0; lane < V; lane++) sum += lanes[lane];
    ADD_ITEMS(float, sum)
    if (get_local_id(0) == 0) partial[partial_at + get_group_id(1) * get_num_groups(0) + get_group_id(0)] = sum;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void square_merge(__global const float *partial,
                                                                           ulong partial_at, __global param *dst,
                                                                           ulong dst_at, ulong slices)
{
    float sum = 0.0f;
    for (ulong i = get_local_id(0); i < slices; i += WG) sum += partial[partial_at + get_group_id(1) * slices + i];
    ADD_ITEMS(float, sum)
    if (get_local_id(0) == 0) dst[dst_at + get_group_id(1)] = sum;
}
