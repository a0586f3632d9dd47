/* batch_norm_grad.cl - the gradient of batch normalisation with the batch's own statistics, optionally through its ReLU:
 *     diff_shift = sum of d, diff_scale = sum of d * x, diff_src = scale / deviation * (d - mean of d - x * mean of d * x)
 * where x = (src - mean) / deviation, d = diff_dst where dst counts, and deviation = sqrt(variance + epsilon).
 *
 * grad_slices: see channels.cl; the two sums of each slice. grad_merge: one slice of groups that add them up. grad_src: diff_src, by
 * the same slices; it may take the memory of src or of diff_dst. With -DMERGES each of its groups adds up the sums itself, in the
 * same order, and those of the first slice write them: a launch less, where reading the sums again costs little.
 * Memory: src and diff_dst twice, diff_src once; partial (slices, 2, C rounded up to B) written and read once, with MERGES once a
 * slice. */
#include "channels.cl"

enum { CHAINS = 4 }; /* sums at once, so that none waits for the addition before */

/* One vector of channels. */
struct channels {
    vec mean, gain, shift, inverse; /* gain = scale / deviation, inverse = 1 / deviation */
};

static inline struct channels load_parameters(__global const param *scale, __global const param *shift,
                                              __global const param *mean, __global const param *variance, int c, int C,
                                              float epsilon)
{
    struct channels p;
    const vec deviation = sqrt(load_params(variance, c, C) + epsilon);
    p.mean = load_params(mean, c, C);
    p.gain = load_params(scale, c, C) / deviation;
    p.shift = load_params(shift, c, C);
    p.inverse = 1.0f / deviation;
    return p;
}

/* diff_dst where it counts: as batch_norm.cl computes dst. */
static inline vec passed(vec diff_dst, vec centred, const struct channels *p, int flags)
{
    return flags & WITH_RELU ? select((vec)0.0f, diff_dst, fma(centred, p->gain, p->shift) > 0.0f) : diff_dst;
}

#if WG > 1
/* Items of the same vector add up as a tree; the first PARTS items end up with the whole. */
static inline vec add_items(vec x, __local vec *parts)
{
    const int item = get_local_id(0);
    for (int distance = WG / 2; distance >= PARTS; distance /= 2) {
        parts[item] = x;
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < distance) x += parts[item + distance];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    return x;
}
#define ADD_ITEMS(a, b)                                                                                                \
    __local vec parts[WG];                                                                                             \
    a = add_items(a, parts);                                                                                           \
    b = add_items(b, parts);
#else
#define ADD_ITEMS(a, b)
#endif

/* This item's part of the slices' sums. */
static inline void add_slices(__global acc *partial, int c, const struct channel_dims *d, vec *sum, vec *product)
{
    const int slices = CEIL_DIV(d->total, d->slice);
    *sum = *product = (vec)0.0f;
    for (int s = get_local_id(0) / PARTS; s < slices; s += STEP) {
        *sum += *partial_at(partial, s, 0, c, d->C);
        *product += *partial_at(partial, s, 1, c, d->C);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
grad_slices(__global const real *src, ulong src_at, __global const param *scale, ulong scale_at,
            __global const param *shift, ulong shift_at, __global const param *mean, ulong mean_at,
            __global const param *variance, ulong variance_at, __global const real *diff_dst, ulong diff_dst_at,
            __global acc *partial, ulong partial_begin, const struct channel_dims d, int flags, float epsilon)
{
    const int c = item_channel();
    const struct channels p =
        load_parameters(scale + scale_at, shift + shift_at, mean + mean_at, variance + variance_at, c, d.C, epsilon);
    struct walk w;
    walk_slice(&w, &d);
    vec sums[CHAINS], products[CHAINS];
    src += src_at;
    diff_dst += diff_dst_at;
#pragma unroll
    for (int i = 0; i < CHAINS; i++) sums[i] = products[i] = (vec)0.0f;
    while (w.left >= CHAINS) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) {
            const size_t at = walk_on(&w, &d);
            const vec centred = load_aligned(src + at) - p.mean,
                      diff = passed(load_aligned(diff_dst + at), centred, &p, flags);
            sums[i] += diff;
            products[i] = fma(diff, centred, products[i]);
        }
    }
    while (w.left > 0) {
        const size_t at = walk_on(&w, &d);
        const vec centred = load_aligned(src + at) - p.mean,
                  diff = passed(load_aligned(diff_dst + at), centred, &p, flags);
        sums[0] += diff;
        products[0] = fma(diff, centred, products[0]);
    }
    vec sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    vec product = ((products[0] + products[1]) + (products[2] + products[3])) * p.inverse;
    ADD_ITEMS(sum, product)
    if (get_local_id(0) >= PARTS) return;
    partial += partial_begin;
    *partial_at(partial, get_group_id(1), 0, c, d.C) = sum;
    *partial_at(partial, get_group_id(1), 1, c, d.C) = product;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
grad_merge(__global acc *partial, ulong partial_begin, __global param *diff_scale, ulong diff_scale_at,
           __global param *diff_shift, ulong diff_shift_at, const struct channel_dims d)
{
    const int c = item_channel();
    vec sum, product;
    add_slices(partial + partial_begin, c, &d, &sum, &product);
    ADD_ITEMS(sum, product)
    if (get_local_id(0) >= PARTS) return;
    store_params(product, diff_scale + diff_scale_at, c, d.C);
    store_params(sum, diff_shift + diff_shift_at, c, d.C);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
grad_src(__global const real *src, ulong src_at, __global const param *scale, ulong scale_at,
         __global const param *shift, ulong shift_at, __global const param *mean, ulong mean_at,
         __global const param *variance, ulong variance_at, __global const real *diff_dst, ulong diff_dst_at,
         __global real *diff_src, ulong diff_src_at, __global param *diff_scale, ulong diff_scale_at,
         __global param *diff_shift, ulong diff_shift_at, __global acc *partial, ulong partial_begin,
         const struct channel_dims d, int flags, float epsilon)
{
    const int c = item_channel();
    const struct channels p =
        load_parameters(scale + scale_at, shift + shift_at, mean + mean_at, variance + variance_at, c, d.C, epsilon);
#ifdef MERGES
    vec sum, product;
    add_slices(partial + partial_begin, c, &d, &sum, &product);
    ADD_ITEMS(sum, product)
    if (get_local_id(0) < PARTS && get_group_id(1) == 0) {
        store_params(product, diff_scale + diff_scale_at, c, d.C);
        store_params(sum, diff_shift + diff_shift_at, c, d.C);
    }
    SHARE(sum, product)
#else
    const vec sum = load_params(diff_shift + diff_shift_at, c, d.C),
              product = load_params(diff_scale + diff_scale_at, c, d.C);
#endif
    const vec mean_diff = sum / (acc)d.total, slope = product / (acc)d.total * p.inverse;
    struct walk w;
    walk_slice(&w, &d);
    src += src_at;
    diff_dst += diff_dst_at;
    diff_src += diff_src_at;
    while (w.left > 0) {
        const size_t at = walk_on(&w, &d);
        const vec centred = load_aligned(src + at) - p.mean,
                  diff = passed(load_aligned(diff_dst + at), centred, &p, flags);
        store_aligned(clear_tail(p.gain * fma(-centred, slope, diff - mean_diff), c, d.C), diff_src + at);
    }
}
