/* conv_grad_group.cl - the gradient of a convolution by its weights on a GPU, as products of matrices in local memory:
 * diff_weights[k,c,r,s] = sum over n, p, q of diff_dst[n,k,p,q] * src[n,c,p*stride+r*dilation-pad,q*stride+s*dilation-pad].
 *
 * For each tap, the rows of the product are channels k, its columns channels c, and the pixels (n,p,q) the inner dimension. diff_dst
 * and src are in blocks of B channels. Or src is plain, with -DPLAIN_SRC, which suits a first layer: then there is one product, whose
 * columns are the weights (c,r,s) of a channel k.
 *
 * Work-items of conv_grad_group: ceil(columns/TN) * ceil(K/TM) * taps * splits groups of ITEMS, one dimension. A group sums the pixels of
 * one split, in steps of TK pixels (group_tile.cl), and writes its tile, as computed: partial[split][tap][K][columns rounded up to 4].
 * conv_grad_sum.cl adds the splits up in their order.
 *
 * Coalescing: B/4 items read the channels of a block, their neighbours the next pixels, which lie beside it. */
#include "group_tile.cl"
#include "conv.cl"
#include "conv_grad_cut.cl"

#define DST_VECTORS (TM * PARTS / ITEMS) /* that an item reads per step */
#define SRC_VECTORS CEIL_DIV(TN *PARTS, ITEMS)
#define BLOCK_VECTORS (B / 4)
#define BLOCK_STEP (ITEMS / (BLOCK_VECTORS * TK)) /* blocks between an item's vectors */

/* ---- Blocks of channels ---- */

/* Four channels of a blocked tensor at a pixel, from which x is the first block; 0 past the last. */
static vec read_block(__global const real *x, int block, int blocks, int plane)
{
    vec v = (vec)0.0f;
    if (block < blocks) v = load_aligned(x + block * plane);
    return v;
}

/* An item's vectors of one factor, all of its pixel: `count` of them, BLOCK_STEP blocks apart. */
static void read_blocks(struct vectors *v, __global const real *x, int count, int block, int blocks, int plane)
{
    v->v0 = read_block(x, block, blocks, plane);
    if (count > 1) v->v1 = read_block(x, block + BLOCK_STEP, blocks, plane);
    if (count > 2) v->v2 = read_block(x, block + 2 * BLOCK_STEP, blocks, plane);
    if (count > 3) v->v3 = read_block(x, block + 3 * BLOCK_STEP, blocks, plane);
}

/* Their place in a tile of `width` columns. */
static void keep_blocks(__local vec *tile, struct vectors v, int count, int width, int item)
{
    const int line = item / BLOCK_VECTORS % TK, block = item / (BLOCK_VECTORS * TK);
    tile += line * (width / 4) + block * BLOCK_VECTORS + item % BLOCK_VECTORS;
    if (block * B < width) tile[0] = v.v0;
    if (count > 1) tile[BLOCK_STEP * BLOCK_VECTORS] = v.v1;
    if (count > 2) tile[2 * BLOCK_STEP * BLOCK_VECTORS] = v.v2;
    if (count > 3) tile[3 * BLOCK_STEP * BLOCK_VECTORS] = v.v3;
}

/* ---- What an item reads ---- */

struct reader {
    struct pixel at, step; /* its pixel of this step, and how far the next one's is */
    int k_block, c_block;  /* of its first vectors */
    int h, w;              /* of the tap */
#ifdef PLAIN_SRC
    /* It gathers one column of SRC_VECTORS * 4 pixels. */
    struct pixel next, between;
    int c;
#endif
};

static struct reader reader_of(int item, int begin, int end, int tap, int k0, int c0, const struct conv_dims *d)
{
    struct reader r;
    const int ahead = item / BLOCK_VECTORS % TK, block = item / (BLOCK_VECTORS * TK);
    r.at = pixel_of(begin + ahead, end - begin - ahead, d);
    r.step = distance_of(TK, d);
    r.k_block = k0 / B + block;
    r.c_block = c0 / B + block;
#ifdef PLAIN_SRC
    const int column = c0 + item % TN, first = item / TN;
    tap = column % (d->R * d->S);
    r.c = column / (d->R * d->S);
    r.next = pixel_of(begin + first, end - begin - first, d);
    r.between = distance_of(ITEMS / TN, d);
#endif
    r.h = tap / d->S * d->dilation_h;
    r.w = tap % d->S * d->dilation_w;
    return r;
}

static __global const real *dst_at_pixel(__global const real *diff_dst, const struct reader *r, int item, int blocks,
                                         const struct conv_dims *d)
{
    return diff_dst + ((r->at.n * blocks * d->P + r->at.p) * d->Q + r->at.q) * B + item % BLOCK_VECTORS * 4;
}

#ifdef PLAIN_SRC

static acc gather_one(struct reader *r, __global const real *src, const struct conv_dims *d)
{
    const int from = src_pixel(r->next, r->h, r->w, d), image = (r->next.n * d->C + r->c) * d->H * d->W;
    const bool inside = r->c < d->C && r->next.left > 0 && from >= 0;
    move(&r->next, r->between, d);
    return inside ? load(src, image + from) : 0.0f;
}

static vec gather(struct reader *r, __global const real *src, const struct conv_dims *d)
{
    vec v;
    v.s0 = gather_one(r, src, d);
    v.s1 = gather_one(r, src, d);
    v.s2 = gather_one(r, src, d);
    v.s3 = gather_one(r, src, d);
    return v;
}

/* Both factors of a step; the reader goes on to the next. */
static void fetch(struct vectors *y, struct vectors *x, struct reader *r, __global const real *diff_dst,
                  __global const real *src, int item, const struct conv_dims *d)
{
    const int blocks = CEIL_DIV(d->K, B);
    read_blocks(y, dst_at_pixel(diff_dst, r, item, blocks, d), DST_VECTORS, r->k_block, r->at.left > 0 ? blocks : 0,
                d->P * d->Q * B);
    x->v0 = gather(r, src, d);
    if (SRC_VECTORS > 1) x->v1 = gather(r, src, d);
    if (SRC_VECTORS > 2) x->v2 = gather(r, src, d);
    if (SRC_VECTORS > 3) x->v3 = gather(r, src, d);
    move(&r->at, r->step, d);
}

static void keep_four(__local acc *tile, vec x)
{
    tile[0] = x.s0;
    tile[ITEMS] = x.s1;
    tile[2 * ITEMS] = x.s2;
    tile[3 * ITEMS] = x.s3;
}

static void keep_src(__local vec *tile, struct vectors x, int item)
{
    __local acc *to = (__local acc *)tile + item;
    keep_four(to, x.v0);
    if (SRC_VECTORS > 1) keep_four(to + 4 * ITEMS, x.v1);
    if (SRC_VECTORS > 2) keep_four(to + 8 * ITEMS, x.v2);
    if (SRC_VECTORS > 3) keep_four(to + 12 * ITEMS, x.v3);
}

#else

/* Both factors of a step; the reader goes on to the next. Where the tap lies outside of src, both are 0, as is a product that is not in
 * the sum; diff_dst may be infinite there. */
static void fetch(struct vectors *y, struct vectors *x, struct reader *r, __global const real *diff_dst,
                  __global const real *src, int item, const struct conv_dims *d)
{
    const int from = src_pixel(r->at, r->h, r->w, d), plane = d->H * d->W;
    const int k_blocks = CEIL_DIV(d->K, B), c_blocks = CEIL_DIV(d->C, B);
    const bool inside = r->at.left > 0 && from >= 0;
    read_blocks(y, dst_at_pixel(diff_dst, r, item, k_blocks, d), DST_VECTORS, r->k_block, inside ? k_blocks : 0,
                d->P * d->Q * B);
    read_blocks(x, src + (r->at.n * c_blocks * plane + from) * B + item % BLOCK_VECTORS * 4, SRC_VECTORS, r->c_block,
                inside ? c_blocks : 0, plane * B);
    move(&r->at, r->step, d);
}

static void keep_src(__local vec *tile, struct vectors x, int item)
{
    keep_blocks(tile, x, SRC_VECTORS, TN, item);
}

#endif

/* ---- What becomes of the sums ---- */

static void put_row(row sums, int k, int c0, int x, __global acc *partial, int K, const struct group_grad *g)
{
    if (k >= K) return;
#pragma unroll
    for (int j = 0; j < VN; j++) {
        const int c = c0 + column_of(x, j);
        if (c < g->stride) STORE(columns_of(sums, j), partial + (size_t)k * g->stride + c);
    }
}

static void put(const struct sums *s, int k0, int c0, int x, int y, __global acc *partial, int K,
                const struct group_grad *g)
{
    put_row(s->r0, k0 + row_of(y, 0), c0, x, partial, K, g);
    put_row(s->r1, k0 + row_of(y, 1), c0, x, partial, K, g);
    put_row(s->r2, k0 + row_of(y, 2), c0, x, partial, K, g);
    put_row(s->r3, k0 + row_of(y, 3), c0, x, partial, K, g);
#if RM == 8
    put_row(s->r4, k0 + row_of(y, 4), c0, x, partial, K, g);
    put_row(s->r5, k0 + row_of(y, 5), c0, x, partial, K, g);
    put_row(s->r6, k0 + row_of(y, 6), c0, x, partial, K, g);
    put_row(s->r7, k0 + row_of(y, 7), c0, x, partial, K, g);
#endif
}

/* ---- The kernels ---- */

__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void
conv_grad_group(__global const real *restrict src, ulong src_at, __global const real *restrict diff_dst,
                ulong diff_dst_at, __global acc *restrict partial, ulong partial_at, const struct conv_dims d,
                const struct group_grad g)
{
    __local vec dst_tiles[2][TK * TM / 4], src_tiles[2][TK * TN / 4];
    const int item = get_local_id(0), x = item % (TN / RN), y = item / (TN / RN), group = get_group_id(0);
    const int c_tiles = CEIL_DIV(g.columns, TN), k_tiles = CEIL_DIV(d.K, TM), tiles = c_tiles * k_tiles;
    const int c0 = group % c_tiles * TN, k0 = group / c_tiles % k_tiles * TM, product = group / tiles;
    const int tap = product % g.taps, split = product / g.taps, begin = split * g.pixels;
    const int end = min(begin + g.pixels, d.N * d.P * d.Q);
    struct reader reader = reader_of(item, begin, end, tap, k0, c0, &d);
    struct sums sums;
    struct vectors next_dst, next_src;

    src += src_at;
    diff_dst += diff_dst_at;
    clear(&sums);
    fetch(&next_dst, &next_src, &reader, diff_dst, src, item, &d);
    for (int at = begin, buffer = 0; at < end; at += TK, buffer ^= 1) {
        __local vec *dst_tile = dst_tiles[buffer], *src_tile = src_tiles[buffer];
        keep_blocks(dst_tile, next_dst, DST_VECTORS, TM, item);
        keep_src(src_tile, next_src, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        /* What gets overwritten in the next step was last read before this barrier. */
        if (at + TK < end) fetch(&next_dst, &next_src, &reader, diff_dst, src, item, &d);
        add_step(&sums, dst_tile, src_tile, x, y, 0);
    }
    put(&sums, k0, c0, x, y, partial + partial_at + (size_t)product * d.K * g.stride, d.K, &g);
}
