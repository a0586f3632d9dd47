/* broadcast.cl - dst = a + b (then perhaps ReLU), dst = a * b; a and b are repeated along some axes. dims: of dst, joined; steps:
 * how many elements further in a or b one element further along the axis is, 0 where it is repeated.
 * Geometry: see rows.cl. Writes dst once; reads what is not repeated once. In place is allowed for such an input. */
#include "rows.cl"

struct sides {
    ulong a, b, dst; /* where the row begins in each */
    int a_step, b_step;
};

static inline struct sides sides_of(ulong row, int8 dims, const struct longs *a, const struct longs *b)
{
    int size[8];
    struct sides at;
    vstore8(dims, 0, size);
    at.a = at.b = 0;
    at.dst = row * size[RANK - 1];
    for (int axis = RANK - 2; axis >= 0; axis--) {
        at.a += row % size[axis] * a->axis[axis];
        at.b += row % size[axis] * b->axis[axis];
        row /= size[axis];
    }
    at.a_step = (int)a->axis[RANK - 1];
    at.b_step = (int)b->axis[RANK - 1];
    return at;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
add_broadcast(__global const real *a, ulong a_at, __global const real *b, ulong b_at, __global real *dst, ulong dst_at,
              ulong pieces, int run, int8 dims, const struct longs a_steps, const struct longs b_steps, int flags)
{
    int size[8];
    vstore8(dims, 0, size);
    if (get_global_id(0) >= pieces) return;
    const struct row_piece piece = row_piece_of(get_global_id(0), size[RANK - 1], run);
    const struct sides at = sides_of(piece.row, dims, &a_steps, &b_steps);
    const acc floor = flags & WITH_RELU ? 0.0f : -INFINITY;
    a += a_at + at.a;
    b += b_at + at.b;
    dst += dst_at + at.dst;
    for (int i = piece.begin; i < piece.end; i++)
        store(at_least(load(a, i * at.a_step) + load(b, i * at.b_step), floor), dst, i);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
mul_broadcast(__global const real *a, ulong a_at, __global const real *b, ulong b_at, __global real *dst, ulong dst_at,
              ulong pieces, int run, int8 dims, const struct longs a_steps, const struct longs b_steps)
{
    int size[8];
    vstore8(dims, 0, size);
    if (get_global_id(0) >= pieces) return;
    const struct row_piece piece = row_piece_of(get_global_id(0), size[RANK - 1], run);
    const struct sides at = sides_of(piece.row, dims, &a_steps, &b_steps);
    a += a_at + at.a;
    b += b_at + at.b;
    dst += dst_at + at.dst;
    for (int i = piece.begin; i < piece.end; i++) store(load(a, i * at.a_step) * load(b, i * at.b_step), dst, i);
}
