/* move_rows.cl - rows of one tensor become rows of another, by their numbers; a row is a run of memory, whatever the layout.
 * gather: row r of dst is row index[r] of src, or 0 where src has none. scatter: row index[r] of dst, if dst has it, becomes row r of rows;
 * src is not read, being the memory of dst.
 * Work-items: one per piece of `run` vectors in a row of what is moved (see rows.cl), groups of WG; V divides a row.
 * Memory per item: one number, and its piece once of each side. */
#include "common.cl"

struct row_part {
    ulong row, begin, end;
};

static inline struct row_part row_part(ulong item, ulong width, int run)
{
    const ulong parts = CEIL_DIV(width, (ulong)run * V), begin = item % parts * run * V;
    return (struct row_part){item / parts, begin, min(begin + run * V, width)};
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void gather(__global const real *src, ulong src_at,
                                                                     __global const param *index, ulong index_at,
                                                                     __global real *dst, ulong dst_at, ulong pieces,
                                                                     ulong width, int run, int first, int count)
{
    if (get_global_id(0) >= pieces) return;
    const struct row_part p = row_part(get_global_id(0), width, run);
    const param number = index[index_at + first + p.row];
    const bool found = number >= 0.0f && number < (param)count;
    src += src_at + (found ? (ulong)number : 0) * width;
    dst += dst_at + p.row * width;
    for (ulong i = p.begin; i < p.end; i += V) store_aligned(found ? load_aligned(src + i) : (vec)0.0f, dst + i);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
scatter(__global const real *src, ulong src_at, __global const real *rows, ulong rows_at, __global const param *index,
        ulong index_at, __global real *dst, ulong dst_at, ulong pieces, ulong width, int run, int first, int count)
{
    if (get_global_id(0) >= pieces) return;
    const struct row_part p = row_part(get_global_id(0), width, run);
    const param number = index[index_at + first + p.row];
    if (!(number >= 0.0f && number < (param)count)) return;
    rows += rows_at + p.row * width;
    dst += dst_at + (ulong)number * width;
    for (ulong i = p.begin; i < p.end; i += V) store_aligned(load_aligned(rows + i), dst + i);
}
