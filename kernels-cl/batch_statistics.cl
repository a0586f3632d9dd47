/* batch_statistics.cl - mean and variance of each channel of src, without the cancellation of E[x^2] - E[x]^2.
 *
 * statistics_slices: see channels.cl; each item sums TILE values and the squares of their distances from their own mean in registers,
 * and merges that with what it has. statistics_merge: one slice of groups that merge the slices' moments.
 * Memory: src once; partial (slices, 2, C rounded up to B): sum and sum of squares of each slice, written and read once. */
#include "channels.cl"

enum { TILE = 8 };

/* Of n values of each lane: their sum and their squared distances from their mean, summed up. */
struct moments {
    vec sum, squares;
    int n;
};

/* Chan, Golub and LeVeque's rule: exact, and the same whatever the mean is. */
static inline void merge(struct moments *a, vec sum, vec squares, int n)
{
    if (n == 0) return;
    if (a->n > 0) {
        const vec apart = sum / (acc)n - a->sum / (acc)a->n;
        squares = fma(apart * apart, (vec)((acc)a->n / (acc)(a->n + n) * (acc)n), squares);
    }
    a->sum += sum;
    a->squares += squares;
    a->n += n;
}

#if WG > 1
/* Items of the same vector merge as a tree; the first PARTS items end up with the whole. */
static inline void merge_items(struct moments *m, __local vec *sums, __local vec *squares, __local int *counts)
{
    const int item = get_local_id(0);
    for (int distance = WG / 2; distance >= PARTS; distance /= 2) {
        sums[item] = m->sum;
        squares[item] = m->squares;
        counts[item] = m->n;
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < distance) merge(m, sums[item + distance], squares[item + distance], counts[item + distance]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#define MERGE_ITEMS(m)                                                                                                 \
    __local vec sums[WG], squares[WG];                                                                                 \
    __local int counts[WG];                                                                                            \
    merge_items(m, sums, squares, counts);
#else
#define MERGE_ITEMS(m)
#endif

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void statistics_slices(__global const real *src, ulong src_at,
                                                                                __global acc *partial,
                                                                                ulong partial_begin,
                                                                                const struct channel_dims d)
{
    const int c = item_channel();
    struct walk w;
    walk_slice(&w, &d);
    struct moments m = {(vec)0.0f, (vec)0.0f, 0};
    src += src_at;
    while (w.left >= TILE) {
        vec x[TILE], sum = (vec)0.0f, squares = (vec)0.0f;
#pragma unroll
        for (int i = 0; i < TILE; i++) x[i] = load_aligned(src + walk_on(&w, &d));
#pragma unroll
        for (int i = 0; i < TILE; i += 2) sum += x[i] + x[i + 1];
        const vec mean = sum / TILE;
#pragma unroll
        for (int i = 0; i < TILE; i++) squares = fma(x[i] - mean, x[i] - mean, squares);
        merge(&m, sum, squares, TILE);
    }
    while (w.left > 0) {
        const vec x = load_aligned(src + walk_on(&w, &d));
        merge(&m, x, x - x, 1); /* 0, but NaN of what is not finite */
    }
    MERGE_ITEMS(&m)
    if (get_local_id(0) >= PARTS) return;
    partial += partial_begin;
    *partial_at(partial, get_group_id(1), 0, c, d.C) = m.sum;
    *partial_at(partial, get_group_id(1), 1, c, d.C) = m.squares;
}

/* This item's part of the slices' moments. */
static inline struct moments merge_slices(__global acc *partial, int c, const struct channel_dims *d)
{
    const int slices = CEIL_DIV(d->total, d->slice);
    struct moments m = {(vec)0.0f, (vec)0.0f, 0};
    for (int s = get_local_id(0) / PARTS; s < slices; s += STEP)
        merge(&m, *partial_at(partial, s, 0, c, d->C), *partial_at(partial, s, 1, c, d->C),
              min(d->slice, d->total - s * d->slice));
    return m;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
statistics_merge(__global acc *partial, ulong partial_begin, __global param *mean, ulong mean_at,
                 __global param *variance, ulong variance_at, const struct channel_dims d)
{
    const int c = item_channel();
    struct moments m = merge_slices(partial + partial_begin, c, &d);
    MERGE_ITEMS(&m)
    if (get_local_id(0) >= PARTS) return;
    store_params(m.sum / (acc)d.total, mean + mean_at, c, d.C);
    store_params(m.squares / (acc)d.total, variance + variance_at, c, d.C);
}
