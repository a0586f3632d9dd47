/* pool.cl - maximum (built with MAX) or mean of windows of src (N,C,H,W) and its gradient; max: padding counts as -infinity and NaN
 * wins; mean: divided by the window's elements inside src, or by all of them (count_padding).
 *
 * pool: dst (N,C,P,Q). pool_places, for MAX: where in its plane each window's maximum lies, the first of equals. pool_grad: diff_src,
 * each element from the windows over it, in their order; with MAX from those whose maximum it is. Built with GRADIENT: the last two alone.
 * Work-items: one per piece of a row of the result (common.cl); groups of WG.
 * Memory per vector: pool and pool_places a window of src; pool_grad one vector of diff_dst (and one of places) per window over it. */
#include "common.cl"

struct pool_dims {
    int C, H, W, P, Q;
    int window_h, window_w, stride_h, stride_w, pad_top, pad_left, count_padding;
};

/* A window's elements inside src, or the windows over an element. */
struct range {
    int begin, end;
};

static inline struct range inside(int p, int stride, int pad, int window, int H)
{
    const int top = p * stride - pad;
    return (struct range){max(top, 0), min(top + window, H)};
}

static inline struct range over(int h, int stride, int pad, int window, int P)
{
    return (struct range){CEIL_DIV(max(h + pad - window + 1, 0), stride), min((h + pad) / stride + 1, P)};
}

#ifdef MAX
/* The maximum and where it lies. */
static inline vec find_maximum(__global const real *src, struct range rows, struct range columns, int W, ivec *place)
{
    vec most = (vec)-INFINITY;
    *place = (ivec)(rows.begin * W + columns.begin);
    for (int h = rows.begin; h < rows.end; h++) {
        for (int w = columns.begin; w < columns.end; w++) {
            const vec x = load_aligned(src + ((size_t)h * W + w) * B);
            const ivec more = (x > most) | (x != x);
            most = select(most, x, more);
            *place = select(*place, (ivec)(h * W + w), more);
        }
    }
    return most;
}
#else
static inline float divisor(struct range rows, struct range columns, const struct pool_dims *d)
{
    const int within = max(rows.end - rows.begin, 0) * max(columns.end - columns.begin, 0);
    return (float)(d->count_padding ? d->window_h * d->window_w : within);
}
#endif

#ifndef GRADIENT
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void pool(__global const real *src, ulong src_at,
                                                                   __global real *dst, ulong dst_at, ulong pieces,
                                                                   int run, const struct pool_dims d)
{
    const size_t i = get_global_id(0);
    if (i >= pieces) return;
    const struct place at = piece_of(i, d.C, d.P, d.Q, run);
    const struct range rows = inside(at.h, d.stride_h, d.pad_top, d.window_h, d.H);
    src += src_at + blocked(B, at.n, at.c, d.C, d.H, d.W, 0, 0);
    dst += dst_at + blocked(B, at.n, at.c, d.C, d.P, d.Q, at.h, 0);
    for (int q = at.w; q < min(at.w + run, d.Q); q++) {
        const struct range columns = inside(q, d.stride_w, d.pad_left, d.window_w, d.W);
#ifdef MAX
        ivec place;
        const vec result = find_maximum(src, rows, columns, d.W, &place);
#else
        vec result = (vec)0.0f;
        for (int h = rows.begin; h < rows.end; h++)
            for (int w = columns.begin; w < columns.end; w++) result += load_aligned(src + ((size_t)h * d.W + w) * B);
        result /= divisor(rows, columns, &d);
#endif
        store_aligned(clear_tail(result, at.c, d.C), dst + (size_t)q * B);
    }
}

#else /* GRADIENT */
#ifdef MAX
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void pool_places(__global const real *src, ulong src_at,
                                                                          __global int *places, ulong places_at,
                                                                          ulong pieces, int run,
                                                                          const struct pool_dims d)
{
    const size_t i = get_global_id(0);
    if (i >= pieces) return;
    const struct place at = piece_of(i, d.C, d.P, d.Q, run);
    const struct range rows = inside(at.h, d.stride_h, d.pad_top, d.window_h, d.H);
    src += src_at + blocked(B, at.n, at.c, d.C, d.H, d.W, 0, 0);
    places += places_at + blocked(B, at.n, at.c, d.C, d.P, d.Q, at.h, 0);
    for (int q = at.w; q < min(at.w + run, d.Q); q++) {
        const struct range columns = inside(q, d.stride_w, d.pad_left, d.window_w, d.W);
        ivec place;
        find_maximum(src, rows, columns, d.W, &place);
        *(__global ivec *)(places + (size_t)q * B) = place;
    }
}
#endif

/* Without MAX, places is not read. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
pool_grad(__global const int *places, ulong places_at, __global const real *diff_dst, ulong diff_dst_at,
          __global real *diff_src, ulong diff_src_at, ulong pieces, int run, const struct pool_dims d)
{
    const size_t i = get_global_id(0);
    if (i >= pieces) return;
    const struct place at = piece_of(i, d.C, d.H, d.W, run);
    const struct range rows = over(at.h, d.stride_h, d.pad_top, d.window_h, d.P);
    const size_t plane = blocked(B, at.n, at.c, d.C, d.P, d.Q, 0, 0);
    places += places_at + plane;
    diff_dst += diff_dst_at + plane;
    diff_src += diff_src_at + blocked(B, at.n, at.c, d.C, d.H, d.W, at.h, 0);
    for (int w = at.w; w < min(at.w + run, d.W); w++) {
        const struct range columns = over(w, d.stride_w, d.pad_left, d.window_w, d.Q);
        vec sum = (vec)0.0f;
        for (int p = rows.begin; p < rows.end; p++) {
            for (int q = columns.begin; q < columns.end; q++) {
                const size_t window = ((size_t)p * d.Q + q) * B;
#ifdef MAX
                const ivec mine = *(__global const ivec *)(places + window) == (ivec)(at.h * d.W + w);
                sum += select((vec)0.0f, load_aligned(diff_dst + window), mine);
#else
                sum +=
                    load_aligned(diff_dst + window) / divisor(inside(p, d.stride_h, d.pad_top, d.window_h, d.H),
                                                              inside(q, d.stride_w, d.pad_left, d.window_w, d.W), &d);
#endif
            }
        }
        store_aligned(sum, diff_src + (size_t)w * B);
    }
}
#endif
