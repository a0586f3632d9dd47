/* conv_grad_wave.cl - the gradient of a convolution by its weights on a GPU's matrix units, as products of matrices of 16-bit numbers
 * (wave_tile.cl): diff_weights[k,c,r,s] = sum over n, p, q of diff_dst[n,k,p,q] * src[n,c,p*stride+r*dilation-pad,q*stride+s*dilation-pad].
 *
 * For each tap, the rows of the product are channels k, its columns channels c, and the pixels (n,p,q) the inner dimension. diff_dst
 * and src are in blocks of B = 16 channels.
 *
 * Work-items: ceil(C/TN) * ceil(K/TM) * taps * splits groups of ITEMS, one dimension. A group sums the pixels of one split, in steps
 * of TK pixels, and writes its tile, as computed: partial[split][tap][K][C rounded up to 8]. conv_grad_sum.cl adds the splits up
 * in their order.
 *
 * In memory the channels of a pixel lie side by side, and in local memory the pixels of a channel have to: an item reads eight channels
 * of two neighbouring pixels, and writes eight pairs. Coalescing: two items read a block of a pixel, their neighbours the block of the
 * next but one; what lies between is read by the next instruction. */
#include "wave_tile.cl"
#include "conv.cl"
#include "conv_grad_cut.cl"

#define PAIRS (TK / 2)               /* of pixels of a step */
#define LINE_ITEMS (2 * PAIRS)       /* that bring a block of channels of all of them */
#define LINES (ITEMS / LINE_ITEMS)   /* blocks that all items bring at once */
#define TURNS(rows) CEIL_DIV((rows) / B, LINES)

/* Eight channels of two neighbouring pixels; and as many as an item brings per step of a factor. */
struct eight {
    piece first, second;
};
struct eights {
    struct eight e0, e1;
};

static piece read_piece(__global const real *x, int block, int blocks, int plane)
{
    piece v = (piece)0;
    if (block < blocks) v = *(__global const piece *)(x + block * plane);
    return v;
}

/* Those of one of the pixels, at which x is the item's part of the first block; blocks = 0: zeros. */
static void read_pieces(piece *v0, piece *v1, __global const real *x, int turns, int block, int blocks, int plane)
{
    *v0 = read_piece(x, block, blocks, plane);
    if (turns > 1) *v1 = read_piece(x, block + LINES, blocks, plane);
}

/* Pairs of pixels of eight channels. */
static void keep_eight(__local real *row, struct eight v)
{
    const uint4 low = (v.first & 0xffff) | v.second << 16, high = v.first >> 16 | (v.second & 0xffff0000);
    *(__local uint *)row = low.s0;
    *(__local uint *)(row + ROW) = high.s0;
    *(__local uint *)(row + 2 * ROW) = low.s1;
    *(__local uint *)(row + 3 * ROW) = high.s1;
    *(__local uint *)(row + 4 * ROW) = low.s2;
    *(__local uint *)(row + 5 * ROW) = high.s2;
    *(__local uint *)(row + 6 * ROW) = low.s3;
    *(__local uint *)(row + 7 * ROW) = high.s3;
}

static void keep_eights(__local real *tile, struct eights v, int rows, int item)
{
    const int block = item / LINE_ITEMS;
    __local real *to = tile + (block * B + item % 2 * 8) * ROW + item % LINE_ITEMS / 2 * 2;
    if (block * B < rows) keep_eight(to, v.e0);
    if (TURNS(rows) > 1) keep_eight(to + LINES * B * ROW, v.e1);
}

/* ---- What an item reads ---- */

struct reader {
    struct pixel first, second, step; /* its pixels of this step, and how far the next ones are */
    int k_block, c_block;             /* of its first channels */
    int h, w;                         /* of the tap */
};

static struct reader reader_of(int item, int begin, int end, int tap, int k0, int c0, const struct conv_dims *d)
{
    struct reader r;
    const int ahead = item % LINE_ITEMS / 2 * 2, block = item / LINE_ITEMS;
    r.first = pixel_of(begin + ahead, end - begin - ahead, d);
    r.second = pixel_of(begin + ahead + 1, end - begin - ahead - 1, d);
    r.step = distance_of(TK, d);
    r.k_block = k0 / B + block;
    r.c_block = c0 / B + block;
    r.h = tap / d->S * d->dilation_h;
    r.w = tap % d->S * d->dilation_w;
    return r;
}

/* Both factors at one pixel. Where the tap lies outside of src, both are 0, as is a product that is not in the sum; diff_dst may be
 * infinite there. */
static void fetch_pixel(piece *y0, piece *y1, piece *x0, piece *x1, struct pixel at, const struct reader *r,
                        __global const real *diff_dst, __global const real *src, const struct conv_dims *d)
{
    const int from = src_pixel(at, r->h, r->w, d), plane = d->H * d->W, dst_plane = d->P * d->Q;
    const int k_blocks = CEIL_DIV(d->K, B), c_blocks = CEIL_DIV(d->C, B);
    const bool inside = at.left > 0 && from >= 0;
    read_pieces(y0, y1, diff_dst + (at.n * k_blocks * dst_plane + at.p * d->Q + at.q) * B, TURNS(TM), r->k_block,
                inside ? k_blocks : 0, dst_plane * B);
    read_pieces(x0, x1, src + (at.n * c_blocks * plane + from) * B, TURNS(TN), r->c_block, inside ? c_blocks : 0, plane * B);
}

/* Both factors of a step; the reader goes on to the next. diff_dst and src begin at the item's half of a block. */
static void fetch(struct eights *y, struct eights *x, struct reader *r, __global const real *diff_dst,
                  __global const real *src, const struct conv_dims *d)
{
    fetch_pixel(&y->e0.first, &y->e1.first, &x->e0.first, &x->e1.first, r->first, r, diff_dst, src, d);
    fetch_pixel(&y->e0.second, &y->e1.second, &x->e0.second, &x->e1.second, r->second, r, diff_dst, src, d);
    move(&r->first, r->step, d);
    move(&r->second, r->step, d);
}

/* ---- What becomes of the sums ---- */

struct target {
    __global acc *partial; /* of the split and tap */
    int k0, c0, K, stride;
};

static void put_eight(vec sums, int row, int column, const struct target *to)
{
    const int k = to->k0 + row, c = to->c0 + column;
    if (k < to->K && c < to->stride) STORE(sums, to->partial + (size_t)k * to->stride + c);
}

WAVE_ATTRIBUTES __attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void
conv_grad_wave(__global const real *restrict src, ulong src_at, __global const real *restrict diff_dst, ulong diff_dst_at,
               __global acc *restrict partial, ulong partial_at, const struct conv_dims d, const struct group_grad g)
{
    __local piece memory[LOCAL_UNITS];
    __local real *tiles = (__local real *)memory;
    const int item = get_local_id(0), group = get_group_id(0), half_ = item % 2 * 8;
    const int c_tiles = CEIL_DIV(g.columns, TN), k_tiles = CEIL_DIV(d.K, TM);
    const int c0 = group % c_tiles * TN, k0 = group / c_tiles % k_tiles * TM, product = group / (c_tiles * k_tiles);
    const int tap = product % g.taps, split = product / g.taps, begin = split * g.pixels;
    const int end = min(begin + g.pixels, d.N * d.P * d.Q);
    const struct target to = {partial + partial_at + (size_t)product * d.K * g.stride, k0, c0, d.K, g.stride};
    const struct lane lane = lane_of(item);
    struct reader reader = reader_of(item, begin, end, tap, k0, c0, &d);
    struct sums sums = {0};
    struct eights next_dst, next_src;

    src += src_at + half_;
    diff_dst += diff_dst_at + half_;
    fetch(&next_dst, &next_src, &reader, diff_dst, src, &d);
    for (int at = begin, buffer = 0; at < end; at += TK, buffer ^= 1) {
        __local real *dst_tile = tiles + buffer * TILE, *src_tile = dst_tile + TM * ROW;
        keep_eights(dst_tile, next_dst, TM, item);
        keep_eights(src_tile, next_src, TN, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        /* What gets overwritten in the next step was last read before this barrier. */
        if (at + TK < end) fetch(&next_dst, &next_src, &reader, diff_dst, src, &d);
        add_step(&sums, dst_tile, src_tile, lane);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    put(&sums, memory, lane, &to);
}
