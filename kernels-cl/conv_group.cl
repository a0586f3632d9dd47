/* conv_group.cl - direct convolution on a GPU: a work-group computes a tile of dst as a matrix product in local memory. Its gradient
 * by src is one, too, or one for each phase of the stride (conv_phase.h).
 *
 * dst = act(conv(src, weights) + bias + residual), of a gradient mask(conv(...) + residual); dst in blocks of B channels; residual
 * may be dst. src likewise, or plain with -DPLAIN_SRC, which suits a first layer with few channels.
 *
 * Work-items: ceil(K/TN) * splits * ceil(N*P*Q/TM) groups of ITEMS, one dimension; neighbours share their src. A group computes TM
 * consecutive pixels of the flattened (n,p,q) index times TN output channels, in steps of TK rows of the product's inner dimension:
 * TK channels of one tap. Splits share the steps among groups, where there are too few of these for the device: each writes its
 * sums, as computed, into its part of `partial`, and conv_sum.cl adds the parts up in their order.
 *
 * Tile parameters: see group_tile.cl. TM a multiple of 32; RM, RN 4 or 8; TN of RN; TK 8, 16 or 32; ITEMS divides TM * TK/4 and,
 * unless it is more, TN * TK/4, four times at most; TK/4 and, with PLAIN_SRC, TM divide ITEMS.
 *
 * Packed weights: [ceil(K/TN)][ceil(C/TK)][R][S][TK][TN]; with PLAIN_SRC [ceil(K/TN)][C*R*S rounded up to TK][TN]. Taps lie inside
 * channels: they read nearly the same src, which the first-level cache then holds.
 *
 * Coalescing: TK/4 items read TK channels of a pixel, their neighbours the next pixel; weights are read in order; B/4 neighbouring
 * items write a block of dst.
 * Bank conflicts: the src tile is stored transposed, [TK][TM], column m of row k at m ^ (k/4 * SWIZZLE). As padding would, that
 * spreads what 32 items write over 32 banks, and it keeps the vec that they read aligned. Items that read together read neighbouring
 * vec or the same one. */
#include "group_tile.cl"
#include "conv_field.cl"
#include "conv_finish.cl"
#include "packing.cl"

#define SWIZZLE (128 / TK)
#define SRC_VECTORS (TM * PARTS / ITEMS) /* four elements each, that an item gathers per step */
#define WEIGHT_VECTORS CEIL_DIV(TN *PARTS, ITEMS)
#define HAS_WEIGHTS(item) (TN * PARTS >= ITEMS || (item) < TN * PARTS)

/* How the inner dimension is cut; the same fields as group_cut in backends/opencl/conv_group.c. */
struct group_cut {
    int steps, splits;  /* steps may be 0 */
    long image_weights; /* elements from the packed weights of an image to the next one's; 0: they share them */
};

#ifdef PLAIN_SRC

/* An item gathers every (ITEMS/TM)-th row of one column. */
#define FIELDS 1

static int src_column(int item, int i)
{
    return item % TM;
}

static int src_row(int item, int i, int lane)
{
    return item / TM + (4 * i + lane) * (ITEMS / TM);
}

/* i / n, quickly, from 1 / n. Exact for 0 <= i < 2^20: with an inverse right to 2.5 ulp the product is off by less than
 * 0.5 / n. */
static int quotient(int i, float inverse)
{
    return (int)((i + 0.5f) * inverse);
}

static acc gather_one(__global const real *src, struct field f, int k, const struct conv_dims *d)
{
    const int taps = d->R * d->S, c = quotient(k, 1.0f / taps), tap = k - c * taps, r = quotient(tap, 1.0f / d->S);
    const int h = r * d->dilation_h, w = (tap - r * d->S) * d->dilation_w;
    return is_inside(f, h, w, d) && c < d->C ? load(src, f.at + (c * d->H + h) * d->W + w) : 0.0f;
}

static vec gather(__global const real *src, struct field f, int item, int i, walk at, const struct conv_dims *d)
{
    return (vec)(gather_one(src, f, at + src_row(item, i, 0), d), gather_one(src, f, at + src_row(item, i, 1), d),
                 gather_one(src, f, at + src_row(item, i, 2), d), gather_one(src, f, at + src_row(item, i, 3), d));
}

#else

/* An item gathers four channels of every (ITEMS/PARTS)-th column. */
#define FIELDS SRC_VECTORS

static int src_column(int item, int i)
{
    return item / PARTS + i * (ITEMS / PARTS);
}

static int src_row(int item, int i, int lane)
{
    return item % PARTS * 4 + lane;
}

static vec gather(__global const real *src, struct field f, int item, int i, walk at, const struct conv_dims *d)
{
    const int h = at.r * d->dilation_h, w = at.s * d->dilation_w, c = at.c + src_row(item, i, 0);
    const int offset = (c / B * d->H * d->W + h * d->W + w) * B + c % B;
    vec v = (vec)0.0f;
    if (is_inside(f, h, w, d) && c < d->C) v = load_aligned(src + f.at + offset);
    return v;
}

#endif

static struct fields fields_of(int pixel0, int item, const struct conv_dims *d)
{
    struct fields f;
    f.f0 = field_of(pixel0 + src_column(item, 0), IMAGE_SIZE(d), PIXEL_SIZE, d);
    f.f1 = FIELDS > 1 ? field_of(pixel0 + src_column(item, 1), IMAGE_SIZE(d), PIXEL_SIZE, d) : f.f0;
    f.f2 = FIELDS > 2 ? field_of(pixel0 + src_column(item, 2), IMAGE_SIZE(d), PIXEL_SIZE, d) : f.f0;
    f.f3 = FIELDS > 3 ? field_of(pixel0 + src_column(item, 3), IMAGE_SIZE(d), PIXEL_SIZE, d) : f.f0;
    return f;
}

static void fetch_src(struct vectors *x, __global const real *src, struct fields f, int item, walk at,
                      const struct conv_dims *d)
{
    x->v0 = gather(src, f.f0, item, 0, at, d);
    if (SRC_VECTORS > 1) x->v1 = gather(src, f.f1, item, 1, at, d);
    if (SRC_VECTORS > 2) x->v2 = gather(src, f.f2, item, 2, at, d);
    if (SRC_VECTORS > 3) x->v3 = gather(src, f.f3, item, 3, at, d);
}

static void keep_one(__local acc *tile, acc x, int row, int column)
{
    tile[row * TM + (column ^ (row / 4 * SWIZZLE))] = x;
}

static void keep_four(__local acc *tile, vec x, int item, int i)
{
    keep_one(tile, x.s0, src_row(item, i, 0), src_column(item, i));
    keep_one(tile, x.s1, src_row(item, i, 1), src_column(item, i));
    keep_one(tile, x.s2, src_row(item, i, 2), src_column(item, i));
    keep_one(tile, x.s3, src_row(item, i, 3), src_column(item, i));
}

static void keep_src(__local acc *tile, struct vectors x, int item)
{
    keep_four(tile, x.v0, item, 0);
    if (SRC_VECTORS > 1) keep_four(tile, x.v1, item, 1);
    if (SRC_VECTORS > 2) keep_four(tile, x.v2, item, 2);
    if (SRC_VECTORS > 3) keep_four(tile, x.v3, item, 3);
}

static void fetch_weights(struct vectors *y, __global const reals *weights, int item)
{
    if (HAS_WEIGHTS(item)) y->v0 = load_reals(weights + item);
    if (WEIGHT_VECTORS > 1) y->v1 = load_reals(weights + (item + ITEMS));
    if (WEIGHT_VECTORS > 2) y->v2 = load_reals(weights + (item + 2 * ITEMS));
    if (WEIGHT_VECTORS > 3) y->v3 = load_reals(weights + (item + 3 * ITEMS));
}

static void keep_weights(__local vec *tile, struct vectors y, int item)
{
    if (HAS_WEIGHTS(item)) tile[item] = y.v0;
    if (WEIGHT_VECTORS > 1) tile[item + ITEMS] = y.v1;
    if (WEIGHT_VECTORS > 2) tile[item + 2 * ITEMS] = y.v2;
    if (WEIGHT_VECTORS > 3) tile[item + 3 * ITEMS] = y.v3;
}

/* ---- What becomes of the sums ---- */

/* Where they go, and what is added to them. */
struct target {
    row bias;
    __global const real *mask, *residual;
    __global real *dst;
    __global acc *partial; /* NULL: dst gets them */
    int k0, pixel0;        /* first channel and pixel of the tile */
};

/* Of an item's columns. */
static row bias_of(__global const param *bias, int k0, int x, const struct conv_dims *d)
{
#if RN == 8
    return (row)(load_biases(bias, k0 + column_of(x, 0), d), load_biases(bias, k0 + column_of(x, 1), d));
#else
    return load_biases(bias, k0 + column_of(x, 0), d);
#endif
}

static void put_row(row sums, int m, const struct target *to, int x, int y, const struct conv_dims *d,
                    const struct conv_place *place)
{
    const int pixel = to->pixel0 + row_of(y, m), line = pixel / d->Q, n = line / d->P, k_blocks = CEIL_DIV(d->K, B);
    if (n >= d->N) return;
    const int plane = place->H * place->W, at = pixel_at(place, line - n * d->P, pixel - line * d->Q);
#pragma unroll
    for (int j = 0; j < VN; j++) {
        const int k = to->k0 + column_of(x, j), i = ((n * k_blocks + k / B) * plane + at) * B + k % B;
        if (k >= k_blocks * B) continue;
        if (to->partial)
            STORE(columns_of(sums, j), to->partial + i);
        else
            store_aligned(finish(columns_of(sums + to->bias, j), to->residual, to->mask, k, i, d), to->dst + i);
    }
}

static void put(const struct sums *s, const struct target *to, int x, int y, const struct conv_dims *d,
                const struct conv_place *place)
{
    put_row(s->r0, 0, to, x, y, d, place);
    put_row(s->r1, 1, to, x, y, d, place);
    put_row(s->r2, 2, to, x, y, d, place);
    put_row(s->r3, 3, to, x, y, d, place);
#if RM == 8
    put_row(s->r4, 4, to, x, y, d, place);
    put_row(s->r5, 5, to, x, y, d, place);
    put_row(s->r6, 6, to, x, y, d, place);
    put_row(s->r7, 7, to, x, y, d, place);
#endif
}

/* ---- The kernels ---- */

__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void
conv_group(__global const real *restrict src, ulong src_at, __global const real *restrict weights, ulong weights_at,
           __global const param *restrict bias, ulong bias_at, __global const real *residual, ulong residual_at,
           __global real *dst, ulong dst_at, __global acc *partial, ulong partial_at, const struct conv_dims d,
           const struct conv_place place, const struct group_cut cut)
{
    __local vec src_tiles[2][TK * TM / 4], weight_tiles[2][TK * TN / 4];
    const int item = get_local_id(0), x = item % (TN / RN), y = item / (TN / RN);
    const int k_tiles = CEIL_DIV(d.K, TN), k_tile = get_group_id(0) % k_tiles, rest = get_group_id(0) / k_tiles;
    const int split = rest % cut.splits, share = CEIL_DIV(cut.steps, cut.splits);
    const int begin = min(split * share, cut.steps), end = min(begin + share, cut.steps);
    struct target to = {(row)0.0f, (__global const real *)(bias + bias_at), residual + residual_at, dst + dst_at, 0,
                        k_tile * TN, rest / cut.splits * TM};
    const struct fields fields = fields_of(to.pixel0, item, &d);
    struct sums sums;
    struct vectors next_src, next_weights;
    walk at = walk_to(begin, &d);

    src += src_at;
    weights += weights_at + ((size_t)k_tile * cut.steps + begin) * (TK * TN);
    if (cut.image_weights) weights += to.pixel0 / (d.P * d.Q) * cut.image_weights;
    if (cut.splits > 1) to.partial = partial + partial_at + (size_t)split * dst_elements(&d, &place);
    clear(&sums);
    if (begin < end) {
        fetch_src(&next_src, src, fields, item, at, &d);
        fetch_weights(&next_weights, (__global const reals *)weights, item);
    }
    for (int step = begin; step < end; step++) {
        __local vec *src_tile = src_tiles[step & 1], *weight_tile = weight_tiles[step & 1];
        keep_src((__local acc *)src_tile, next_src, item);
        keep_weights(weight_tile, next_weights, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        /* What gets overwritten in the next step was last read before this barrier. */
        if (step + 1 < end) {
            walk_on(&at, &d);
            weights += TK * TN;
            fetch_src(&next_src, src, fields, item, at, &d);
            fetch_weights(&next_weights, (__global const reals *)weights, item);
        }
        add_step(&sums, src_tile, weight_tile, x, y, SWIZZLE / 4);
    }
    to.bias = bias_of(bias + bias_at, to.k0, x, &d);
    put(&sums, &to, x, y, &d, &place);
}

/* weights as the view finds them -> packed: `rows` rows per TN output channels. Work-items: one per packed element; groups of WG. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_group_pack(__global const param *weights, ulong weights_at, __global real *packed, ulong packed_at,
                const struct conv_dims d, const struct conv_view view, ulong count, int rows)
{
#ifdef PLAIN_SRC
    const int plain = 1;
#else
    const int plain = 0;
#endif
    const size_t i = get_global_id(0);
    if (i >= count) return;
    store(group_weight(weights + weights_at, i, &d, &view, rows, TN, TK, plain), packed, packed_at + i);
}
