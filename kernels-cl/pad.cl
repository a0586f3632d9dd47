/* pad.cl - element i of an axis of dst is element i - before of src; outside of src, mode (SHUNT_PAD_*) says which one. dims: dst's,
 * src_dims: src's. Geometry: see rows.cl. Reads at most as much as it writes, which is dst, once. */
#include "rows.cl"

enum { MODE_CONSTANT, MODE_REFLECT, MODE_EDGE };

/* -1: none of src. */
static inline int source_of(int at, int size, int mode)
{
    if (at >= 0 && at < size) return at;
    if (mode == MODE_CONSTANT) return -1;
    if (mode == MODE_EDGE) return at < 0 ? 0 : size - 1;
    return at < 0 ? -at : 2 * (size - 1) - at;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void pad(__global const real *src, ulong src_at,
                                                                  __global real *dst, ulong dst_at, ulong pieces,
                                                                  int run, int8 dims, int8 src_dims, int8 befores,
                                                                  int mode, float value)
{
    int size[8], src_size[8], before[8];
    vstore8(dims, 0, size);
    vstore8(src_dims, 0, src_size);
    vstore8(befores, 0, before);
    if (get_global_id(0) >= pieces) return;
    const struct row_piece at = row_piece_of(get_global_id(0), size[RANK - 1], run);
    ulong row = at.row, stride = src_size[RANK - 1];
    bool inside = true;
    dst += dst_at + row * size[RANK - 1];
    src += src_at;
    for (int axis = RANK - 2; axis >= 0; axis--) {
        const int from = source_of((int)(row % size[axis]) - before[axis], src_size[axis], mode);
        inside = inside && from >= 0;
        src += max(from, 0) * stride;
        stride *= src_size[axis];
        row /= size[axis];
    }
    for (int i = at.begin; i < at.end; i++) {
        const int from = source_of(i - before[RANK - 1], src_size[RANK - 1], mode);
        store(inside && from >= 0 ? load(src, from) : value, dst, i);
    }
}
