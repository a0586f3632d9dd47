/* channels.cl - for ops that treat the channels of a blocked tensor (N,C,pixels) one by one, all with the same geometry.
 *
 * Groups: (vectors of V channels / PARTS, slices), of WG work-items. A slice is `slice` consecutive ones of the N * pixels pixels;
 * item i of its group takes vector i % PARTS of the group's and pixels i / PARTS, + STEP, + 2 STEP ... Neighbours so touch
 * neighbouring memory; WG = PARTS = 1 suits a CPU. Sums are left one a slice and then added in the order of the slices. */
#include "common.cl"

#define STEP (WG / PARTS)

/* The same fields as channel_dims in backends/opencl/channels.h. */
struct channel_dims {
    int C, pixels; /* of an image */
    int total;     /* pixels of all images */
    int slice;     /* pixels of a slice */
};

/* First channel of this item's vector. */
static inline int item_channel(void)
{
    return (get_group_id(0) * PARTS + get_local_id(0) % PARTS) * V;
}

/* This item's way through its slice: `left` more vectors, the next is element `at`. */
struct walk {
    size_t at;
    int pixel, left;
};

static inline void walk_slice(struct walk *w, const struct channel_dims *d)
{
    const int begin = get_group_id(1) * d->slice, end = begin + min(d->slice, d->total - begin);
    const int first = begin + (int)get_local_id(0) / PARTS, image = first / d->pixels;
    w->pixel = first - image * d->pixels;
    w->left = first < end ? CEIL_DIV(end - first, STEP) : 0;
    w->at = blocked(B, image, item_channel(), d->C, 1, d->pixels, 0, w->pixel);
}

/* The element to treat now; goes on to the next. */
static inline size_t walk_on(struct walk *w, const struct channel_dims *d)
{
    const size_t at = w->at;
    w->left--;
    w->at += STEP * B;
    w->pixel += STEP;
    while (w->pixel >= d->pixels) {
        w->pixel -= d->pixels;
        w->at += (size_t)(CEIL_DIV(d->C, B) - 1) * d->pixels * B;
    }
    return at;
}

/* The item's elements of a slice: dst = (src - centre) gain + offset, optionally + residual and through ReLU. */
static inline void norm_slice(__global const real *src, __global const real *residual, __global real *dst, vec centre, vec gain,
                              vec offset, const struct channel_dims *d, int flags)
{
    const vec floor = flags & WITH_RELU ? (vec)0.0f : (vec)-INFINITY;
    struct walk w;
    walk_slice(&w, d);
    while (w.left > 0) {
        const size_t at = walk_on(&w, d);
        vec x = fma(load_aligned(src + at) - centre, gain, offset);
        if (flags & WITH_RESIDUAL) x += load_aligned(residual + at);
        store_aligned(clear_tail(at_least(x, floor), item_channel(), d->C), dst + at);
    }
}

/* Where slice number `slice` leaves its i-th of two sums for channel c. */
static inline __global vec *partial_at(__global acc *partial, int slice, int i, int c, int C)
{
    const int channels = CEIL_DIV(C, B) * B;
    return (__global vec *)(partial + (((size_t)slice * 2 + i) * channels + c));
}

#if WG > 1
/* Gives what the first PARTS items have to all items of the same vector. */
#define SHARE(a, b)                                                                                                    \
    __local vec shared[2][PARTS];                                                                                      \
    if (get_local_id(0) < PARTS) {                                                                                     \
        shared[0][get_local_id(0)] = a;                                                                                \
        shared[1][get_local_id(0)] = b;                                                                                \
    }                                                                                                                  \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                                      \
    a = shared[0][get_local_id(0) % PARTS];                                                                            \
    b = shared[1][get_local_id(0) % PARTS];
#else
#define SHARE(a, b)
#endif
