/* conv_wave.cl - direct convolution of 16-bit numbers on a GPU's matrix units: a work-group computes a tile of dst as a matrix
 * product (wave_tile.cl). Its gradient by src is one, too, or one for each phase of the stride (conv_phase.h).
 *
 * dst = act(conv(src, weights) + bias + residual), of a gradient mask(conv(...) + residual); dst in blocks of B channels; residual
 * may be dst. src likewise, or plain with -DPLAIN_SRC, which suits a first layer with few channels: its inner dimension is (c, r, s), with s
 * in eights.
 *
 * Work-items: ceil(K/TN) * splits * ceil(N*P*Q/TM) groups of ITEMS, one dimension; neighbours share their src. A group computes TM
 * consecutive pixels of the flattened (n,p,q) index times TN output channels, in steps of TK of the inner dimension. Splits share
 * the steps among groups, where there are too few of these for the device: each writes its sums, as computed, into its part of `partial`,
 * and conv_sum.cl adds the parts up in their order.
 *
 * Packed weights: [ceil(K/TN)][steps][TN][TK]; steps are [ceil(C/TK)][R][S], with PLAIN_SRC ceil(C*R*ceil(S/8)*8 / TK).
 * Coalescing: TK/8 items read TK channels of a pixel, their neighbours the next pixel; weights are read in order; neighbouring items
 * write a block of dst. */
#include "wave_tile.cl"
#include "conv_field.cl"
#include "conv_finish.cl"

/* How the inner dimension is cut; the same fields as wave_cut in backends/opencl/conv_wave.c. */
struct wave_cut {
    int steps, splits; /* steps may be 0 */
};

/* ---- What an item gathers ---- */

#ifdef PLAIN_SRC

/* Eight columns of a row of src, for eight taps. */
__attribute__((always_inline)) static piece gather(__global const real *src, struct field f, int part, walk at, const struct conv_dims *d)
{
    const int eights = CEIL_DIV(d->S, 8), line = (at / 8 + part) / eights, s = (at / 8 + part - line * eights) * 8;
    const int c = line / d->R, h = (line - c * d->R) * d->dilation_h;
    const int row = (c * d->H + h) * d->W;
    ushort8 v = (ushort8)0;
#define COLUMN(i)                                                                                                 \
    if (c < d->C && s + 0x##i < d->S && is_inside(f, h, (s + 0x##i) * d->dilation_w, d)) \
    v.s##i = src[f.at + row + (s + 0x##i) * d->dilation_w]
    COLUMN(0);
    COLUMN(1);
    COLUMN(2);
    COLUMN(3);
    COLUMN(4);
    COLUMN(5);
    COLUMN(6);
    COLUMN(7);
    return as_uint4(v);
}

#else

/* Eight channels of a pixel. */
static piece gather(__global const real *src, struct field f, int part, walk at, const struct conv_dims *d)
{
    const int h = at.r * d->dilation_h, w = at.s * d->dilation_w, c = at.c + part * 8;
    const int offset = (c / B * d->H * d->W + h * d->W + w) * B + c % B;
    piece v = (piece)0;
    if (is_inside(f, h, w, d) && c < d->C) v = *(__global const piece *)(src + f.at + offset);
    return v;
}

#endif

static struct fields fields_of(int pixel0, int item, const struct conv_dims *d)
{
    const int row = pixel0 + item / PARTS, next = ITEMS / PARTS;
    struct fields f;
    f.f0 = field_of(row, IMAGE_SIZE(d), PIXEL_SIZE, d);
    f.f1 = PIECES(TM) > 1 ? field_of(row + next, IMAGE_SIZE(d), PIXEL_SIZE, d) : f.f0;
    f.f2 = PIECES(TM) > 2 ? field_of(row + 2 * next, IMAGE_SIZE(d), PIXEL_SIZE, d) : f.f0;
    f.f3 = PIECES(TM) > 3 ? field_of(row + 3 * next, IMAGE_SIZE(d), PIXEL_SIZE, d) : f.f0;
    return f;
}

__attribute__((always_inline)) static void fetch_src(struct pieces *x, __global const real *src, struct fields f, int item, walk at,
                      const struct conv_dims *d)
{
    const int part = item % PARTS;
    if (HAS_PIECES(TM, item)) x->p0 = gather(src, f.f0, part, at, d);
    if (PIECES(TM) > 1) x->p1 = gather(src, f.f1, part, at, d);
    if (PIECES(TM) > 2) x->p2 = gather(src, f.f2, part, at, d);
    if (PIECES(TM) > 3) x->p3 = gather(src, f.f3, part, at, d);
}

static void fetch_weights(struct pieces *y, __global const real *weights, int item)
{
    __global const piece *from = (__global const piece *)weights + item;
    if (HAS_PIECES(TN, item)) y->p0 = from[0];
    if (PIECES(TN) > 1) y->p1 = from[ITEMS];
    if (PIECES(TN) > 2) y->p2 = from[2 * ITEMS];
    if (PIECES(TN) > 3) y->p3 = from[3 * ITEMS];
}

/* ---- What becomes of the sums ---- */

struct target {
    __global const param *bias;
    __global const real *residual;
    __global real *dst;
    __global acc *partial; /* NULL: dst gets them */
    int k0, pixel0;        /* first channel and pixel of the tile */
    const struct conv_dims *d;
    const struct conv_place *place;
};

static void put_eight(vec sums, int row, int column, const struct target *to)
{
    const struct conv_dims *d = to->d;
    const int pixel = to->pixel0 + row, line = pixel / d->Q, n = line / d->P, k_blocks = CEIL_DIV(d->K, B);
    const int k = to->k0 + column, plane = to->place->H * to->place->W;
    if (n >= d->N || k >= k_blocks * B) return;
    const int at = pixel_at(to->place, line - n * d->P, pixel - line * d->Q);
    const int i = ((n * k_blocks + k / B) * plane + at) * B + k % B;
    if (to->partial)
        STORE(sums, to->partial + i);
    else
        store_aligned(finish(sums + load_biases(to->bias, k, d), to->residual, (__global const real *)to->bias, k, i, d), to->dst + i);
}

/* ---- The kernels ---- */

WAVE_ATTRIBUTES __attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void
conv_wave(__global const real *restrict src, ulong src_at, __global const real *restrict weights, ulong weights_at,
          __global const param *restrict bias, ulong bias_at, __global const real *residual, ulong residual_at,
          __global real *dst, ulong dst_at, __global acc *partial, ulong partial_at, const struct conv_dims d,
          const struct conv_place place, const struct wave_cut cut)
{
    __local piece memory[LOCAL_UNITS];
    __local real *tiles = (__local real *)memory;
    const int item = get_local_id(0), k_tiles = CEIL_DIV(d.K, TN), k_tile = get_group_id(0) % k_tiles;
    const int rest = get_group_id(0) / k_tiles, split = rest % cut.splits, share = CEIL_DIV(cut.steps, cut.splits);
    const int begin = min(split * share, cut.steps), end = min(begin + share, cut.steps);
    const struct target to = {bias + bias_at, residual + residual_at, dst + dst_at,
                              cut.splits > 1 ? partial + partial_at + (size_t)split * dst_elements(&d, &place) : 0,
                              k_tile * TN, rest / cut.splits * TM, &d, &place};
    const struct fields fields = fields_of(to.pixel0, item, &d);
    const struct lane lane = lane_of(item);
    struct sums sums = {0};
    struct pieces next_src, next_weights;
    walk at = walk_to(begin, &d);

    src += src_at;
    weights += weights_at + ((size_t)k_tile * cut.steps + begin) * (TN * TK);
    if (begin < end) {
        fetch_src(&next_src, src, fields, item, at, &d);
        fetch_weights(&next_weights, weights, item);
    }
    for (int step = begin; step < end; step++) {
        __local real *src_tile = tiles + (step & 1) * TILE, *weight_tile = src_tile + TM * ROW;
        keep_pieces(src_tile, next_src, TM, item);
        keep_pieces(weight_tile, next_weights, TN, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        /* What gets overwritten in the next step was last read before this barrier. */
        if (step + 1 < end) {
            walk_on(&at, &d);
            weights += TN * TK;
            fetch_src(&next_src, src, fields, item, at, &d);
            fetch_weights(&next_weights, weights, item);
        }
        add_step(&sums, src_tile, weight_tile, lane);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    put(&sums, memory, lane, &to);
}

/* weights as the view finds them -> packed, zero beyond K, C or S: `steps` steps per TN output channels. Work-items: one per packed element;
 * groups of WG. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_wave_pack(__global const param *weights, ulong weights_at, __global real *packed, ulong packed_at,
               const struct conv_dims d, const struct conv_view view, ulong count, int steps)
{
    const size_t i = get_global_id(0);
    if (i >= count) return;
    const int step = i / (TN * TK) % steps, k = i / (TN * TK) / steps * TN + i / TK % TN, inner = i % TK;
#ifdef PLAIN_SRC
    const int at = step * TK + inner, eights = CEIL_DIV(d.S, 8), line = at / 8 / eights;
    const int c = line / d.R, r = line % d.R, s = at / 8 % eights * 8 + at % 8;
#else
    const int taps = d.R * d.S, c = step / taps * TK + inner, r = step % taps / d.S, s = step % d.S;
#endif
    const bool inside = k < d.K && c < d.C && s < d.S;
    const long from = view.first + k * view.step_k + c * view.step_c + r * view.step_r + s * view.step_s;
    store(inside ? weights[weights_at + from] : 0.0f, packed, packed_at + i);
}
