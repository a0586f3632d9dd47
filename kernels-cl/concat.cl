/* concat.cl - dst is rows of a_row elements of a, each followed by b_row elements of b. Rows are runs of memory, whatever the
 * layout; V divides both.
 * Work-items: one per piece of `run` vectors in a row of dst (see rows.cl), groups of WG. Reads and writes its tensors once. */
#include "common.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void concat(__global const real *a, ulong a_at,
                                                                     __global const real *b, ulong b_at,
                                                                     __global real *dst, ulong dst_at, ulong pieces,
                                                                     ulong a_row, ulong b_row, int run)
{
    const ulong width = a_row + b_row, parts = CEIL_DIV(width, (ulong)run * V);
    if (get_global_id(0) >= pieces) return;
    const ulong row = get_global_id(0) / parts, begin = get_global_id(0) % parts * run * V;
    const ulong end = min(begin + run * V, width);
    a += a_at + row * a_row;
    b += b_at + row * b_row;
    dst += dst_at + row * width;
    for (ulong i = begin; i < end; i += V)
        store_aligned(i < a_row ? load_aligned(a + i) : load_aligned(b + (i - a_row)), dst + i);
}
