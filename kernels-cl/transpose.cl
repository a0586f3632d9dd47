/* transpose.cl - axis i of dst is an axis of src: one element further along it is steps[i] elements further in src. dims: dst's.
 * Geometry: see rows.cl. Reads and writes its tensor once. */
#include "rows.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void transpose(__global const real *src, ulong src_at,
                                                                        __global real *dst, ulong dst_at, ulong pieces,
                                                                        int run, int8 dims, const struct longs steps)
{
    int size[8];
    vstore8(dims, 0, size);
    if (get_global_id(0) >= pieces) return;
    const struct row_piece at = row_piece_of(get_global_id(0), size[RANK - 1], run);
    ulong row = at.row;
    dst += dst_at + row * size[RANK - 1];
    src += src_at;
    for (int axis = RANK - 2; axis >= 0; axis--) {
        src += (long)(row % size[axis]) * steps.axis[axis];
        row /= size[axis];
    }
    for (int i = at.begin; i < at.end; i++) store(load(src, i * steps.axis[RANK - 1]), dst, i);
}
