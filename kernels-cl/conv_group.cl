/* conv_group.cl - direct convolution on a GPU: a work-group computes a tile of dst as a matrix product in local memory.
 *
 * dst = act(conv(src, weights) + bias + residual), dst in blocks of B channels, V = 4; residual may be dst. src likewise, or
 * plain with -DPLAIN_SRC, which suits a first layer with few channels.
 *
 * Work-items: ceil(K/TN) * ceil(N*P*Q/TM) groups of ITEMS = TM/RM * TN/RN, one dimension; neighbours share their src. A
 * group computes TM consecutive pixels of the flattened (n,p,q) index times TN output channels, in steps of TK rows of
 * the product's inner dimension: TK channels of one tap. Per step the items gather the src tile (padding as zeros) and
 * copy the weights' tile into local memory, then each multiplies RM pixels by RN channels. The next step's tiles are on
 * their way into registers meanwhile, and local memory holds two of each tile, so one barrier a step is enough.
 *
 * Tile parameters: TM a multiple of 32; RM, RN of 4; TN of RN; TK 8, 16 or 32; ITEMS divides TM * TK/4; TK/4 and,
 * with PLAIN_SRC, TM divide ITEMS.
 *
 * Packed weights: [ceil(K/TN)][ceil(C/TK)][R][S][TK][TN]; with PLAIN_SRC [ceil(K/TN)][C*R*S rounded up to TK][TN]. Taps
 * lie inside channels: they read nearly the same src, which the first-level cache then holds.
 *
 * Why these sizes: a step takes (TM + TN) * TK * 4 bytes from memory for 2 * TM * TN * TK FLOPs: 16 FLOPs a byte with
 * 64x64, 32 with 128x128. Of local memory an item reads RM + RN floats for RM * RN multiply-adds; a unit that gets one
 * float from it for four multiply-adds keeps up with 1/RM + 1/RN <= 1/4: 8x8, whose 64 independent sums also hide
 * latency with few items. The smaller ones are there to have a group for every unit.
 * Coalescing: TK/4 items read TK channels of a pixel, their neighbours the next pixel; weights are read in order; B/4
 * neighbouring items write a block of dst.
 * Bank conflicts: the src tile is stored transposed, [TK][TM], column m of row k at m ^ (k/4 * SWIZZLE). As padding
 * would, that spreads what 32 items write over 32 banks, and it keeps the vec that they read aligned. Items that
 * read together read neighbouring vec or the same one. */
#include "common.cl"
#include "conv.cl"

#define ITEMS (TM / RM * (TN / RN))
#define PARTS (TK / 4)
#define VM (RM / 4)
#define VN (RN / 4)
#define SWIZZLE (128 / TK)
#define SRC_FLOATS (TM * TK / ITEMS) /* that an item gathers per step */
#define WEIGHT_VECTORS CEIL_DIV(TN *PARTS, ITEMS)
#define HAS_WEIGHTS(item, i) (TN * PARTS % ITEMS == 0 || (item) + (i)*ITEMS < TN * PARTS)

/* Where the receptive field of a pixel begins; that of a pixel past the end lies far above the image. */
struct field {
    int image; /* index of the image's first element */
    int h, w;
};

static struct field field_of(int pixel, int image_size, const struct conv_dims *d)
{
    struct field f;
    const int row = pixel / d->Q, n = row / d->P;
    f.image = n < d->N ? n * image_size : 0;
    f.h = n < d->N ? (row - n * d->P) * d->stride_h - d->pad_top : INT_MIN / 2;
    f.w = (pixel - row * d->Q) * d->stride_w - d->pad_left;
    return f;
}

#ifdef PLAIN_SRC

/* An item gathers every (ITEMS/TM)-th row of one column. */
#define FIELDS 1
#define K_SIZE(d) ((d)->C * (d)->R * (d)->S)
#define IMAGE_SIZE(d) ((d)->C * (d)->H * (d)->W)

static int field_column(int item, int i)
{
    return item % TM;
}

/* i / n, quickly, from 1 / n. Exact for 0 <= i < 2^20: with an inverse right to 2.5 ulp the product is off by less than
 * 0.5 / n. */
static int quotient(int i, float inverse)
{
    return (int)((i + 0.5f) * inverse);
}

static void fetch_src(acc x[SRC_FLOATS], __global const real *src, const struct field f[FIELDS], int item, int step,
                      const struct conv_dims *d)
{
    const int taps = d->R * d->S;
    const float per_taps = 1.0f / taps, per_s = 1.0f / d->S;
#pragma unroll
    for (int i = 0; i < SRC_FLOATS; i++) {
        const int k = step * TK + item / TM + i * (ITEMS / TM), c = quotient(k, per_taps);
        const int tap = k - c * taps, r = quotient(tap, per_s), s = tap - r * d->S;
        const int h = f[0].h + r * d->dilation_h, w = f[0].w + s * d->dilation_w;
        const bool inside = (uint)h < (uint)d->H && (uint)w < (uint)d->W && c < d->C;
        x[i] = inside ? load(src, f[0].image + (c * d->H + h) * d->W + w) : 0.0f;
    }
}

static void keep_src(__local acc *tile, const acc x[SRC_FLOATS], int item)
{
#pragma unroll
    for (int i = 0; i < SRC_FLOATS; i++) {
        const int k = item / TM + i * (ITEMS / TM);
        tile[k * TM + ((item % TM) ^ (k / 4 * SWIZZLE))] = x[i];
    }
}

#else

/* An item gathers four channels of every (ITEMS/PARTS)-th column. */
#define FIELDS (SRC_FLOATS / 4)
#define K_SIZE(d) (CEIL_DIV((d)->C, TK) * TK * (d)->R * (d)->S)
#define IMAGE_SIZE(d) (CEIL_DIV((d)->C, B) * (d)->H * (d)->W * B)

static int field_column(int item, int i)
{
    return item / PARTS + i * (ITEMS / PARTS);
}

static void fetch_src(acc x[SRC_FLOATS], __global const real *src, const struct field f[FIELDS], int item, int step,
                      const struct conv_dims *d)
{
    const int row = step / d->S, s = step - row * d->S, slice = row / d->R, r = row - slice * d->R;
    const int c = slice * TK + item % PARTS * 4;
#pragma unroll
    for (int i = 0; i < FIELDS; i++) {
        const int h = f[i].h + r * d->dilation_h, w = f[i].w + s * d->dilation_w;
        const bool inside = (uint)h < (uint)d->H && (uint)w < (uint)d->W && c < d->C;
        __global const real *image = src + f[i].image;
        vec v = 0.0f;
        if (inside) v = load_aligned(image + ((c / B * d->H + h) * d->W + w) * B + c % B);
        x[4 * i] = v.s0;
        x[4 * i + 1] = v.s1;
        x[4 * i + 2] = v.s2;
        x[4 * i + 3] = v.s3;
    }
}

static void keep_src(__local acc *tile, const acc x[SRC_FLOATS], int item)
{
    const int part = item % PARTS;
#pragma unroll
    for (int i = 0; i < SRC_FLOATS; i++)
        tile[(part * 4 + i % 4) * TM + (field_column(item, i / 4) ^ (part * SWIZZLE))] = x[i];
}

#endif

static void fetch_weights(vec y[WEIGHT_VECTORS], __global const reals *weights, int item, int step)
{
#pragma unroll
    for (int i = 0; i < WEIGHT_VECTORS; i++)
        if (HAS_WEIGHTS(item, i)) y[i] = load_reals(weights + (step * (TN * PARTS) + item + i * ITEMS));
}

static void keep_weights(__local vec *tile, const vec y[WEIGHT_VECTORS], int item)
{
#pragma unroll
    for (int i = 0; i < WEIGHT_VECTORS; i++)
        if (HAS_WEIGHTS(item, i)) tile[item + i * ITEMS] = y[i];
}

/* An item's sums: row 4 * v + l is pixel v * TM/VM + y * 4 + l, vector j of it the channels from j * TN/VN + x * 4 on.
 * The vectors of neighbouring items lie side by side. */
static void multiply(vec sums[RM][VN], __local const vec *src, __local const vec *weights, int x, int y)
{
    for (int part = 0; part < PARTS; part++) {
#pragma unroll
        for (int k = part * 4; k < part * 4 + 4; k++) {
            vec a[VM], b[VN];
#pragma unroll
            for (int v = 0; v < VM; v++) a[v] = src[k * (TM / 4) + ((v * (TM / 4 / VM) + y) ^ (part * (SWIZZLE / 4)))];
#pragma unroll
            for (int j = 0; j < VN; j++) b[j] = weights[k * (TN / 4) + j * (TN / 4 / VN) + x];
#pragma unroll
            for (int v = 0; v < VM; v++) {
#pragma unroll
                for (int j = 0; j < VN; j++) {
                    sums[4 * v][j] = fma((vec)a[v].s0, b[j], sums[4 * v][j]);
                    sums[4 * v + 1][j] = fma((vec)a[v].s1, b[j], sums[4 * v + 1][j]);
                    sums[4 * v + 2][j] = fma((vec)a[v].s2, b[j], sums[4 * v + 2][j]);
                    sums[4 * v + 3][j] = fma((vec)a[v].s3, b[j], sums[4 * v + 3][j]);
                }
            }
        }
    }
}

__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void
conv_group(__global const real *restrict src, ulong src_at, __global const real *restrict weights, ulong weights_at,
           __global const param *restrict bias, ulong bias_at, __global const real *residual, ulong residual_at,
           __global real *dst, ulong dst_at, const struct conv_dims d)
{
    __local vec src_tiles[2][TK * TM / 4], weight_tiles[2][TK * TN / 4];
    const int item = get_local_id(0), x = item % (TN / RN), y = item / (TN / RN);
    const int k_tiles = CEIL_DIV(d.K, TN), k0 = get_group_id(0) % k_tiles * TN, pixel0 = get_group_id(0) / k_tiles * TM;
    const int k_size = K_SIZE(&d), steps = CEIL_DIV(k_size, TK);
    struct field fields[FIELDS];
    vec sums[RM][VN], next_weights[WEIGHT_VECTORS];
    acc next_src[SRC_FLOATS];

    src += src_at;
    weights += weights_at + (size_t)(k0 / TN) * steps * (TK * TN);
#pragma unroll
    for (int i = 0; i < FIELDS; i++) fields[i] = field_of(pixel0 + field_column(item, i), IMAGE_SIZE(&d), &d);
#pragma unroll
    for (int m = 0; m < RM; m++)
#pragma unroll
        for (int j = 0; j < VN; j++) sums[m][j] = (vec)0.0f;

    fetch_src(next_src, src, fields, item, 0, &d);
    fetch_weights(next_weights, (__global const reals *)weights, item, 0);
    for (int step = 0; step < steps; step++) {
        const int now = step % 2;
        keep_src((__local acc *)src_tiles[now], next_src, item);
        keep_weights(weight_tiles[now], next_weights, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        /* What gets overwritten in the next step was last read before this barrier. */
        if (step + 1 < steps) {
            fetch_src(next_src, src, fields, item, step + 1, &d);
            fetch_weights(next_weights, (__global const reals *)weights, item, step + 1);
        }
        multiply(sums, src_tiles[now], weight_tiles[now], x, y);
    }

    const int plane = d.P * d.Q, k_blocks = CEIL_DIV(d.K, B);
    residual += residual_at;
    dst += dst_at;
#pragma unroll
    for (int m = 0; m < RM; m++) {
        const int pixel = pixel0 + m / 4 * (TM / VM) + y * 4 + m % 4, n = pixel / plane;
        if (n >= d.N) continue;
#pragma unroll
        for (int j = 0; j < VN; j++) {
            const int k = k0 + j * (TN / VN) + x * 4;
            if (k >= k_blocks * B) continue;
            const int to = ((n * k_blocks + k / B) * plane + pixel - n * plane) * B + k % B;
            vec sum = sums[m][j];
            if (d.flags & WITH_BIAS) sum += load_params(bias + bias_at, k, d.K);
            if (d.flags & WITH_RESIDUAL) sum += load_aligned(residual + to);
            if (d.flags & WITH_RELU) sum = relu(sum);
            store_aligned(clear_tail(sum, k, d.K), dst + to);
        }
    }
}

/* weights (K,C,R,S), taps = R*S -> packed, zero beyond K or C: `rows` rows per TN output channels. Work-items: one per
 * packed element; groups of WG. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void conv_group_pack(__global const param *weights,
                                                                              ulong weights_at, __global real *packed,
                                                                              ulong packed_at, ulong count, int rows,
                                                                              int K, int C, int taps)
{
    const size_t i = get_global_id(0), k = i / TN / rows * TN + i % TN;
    if (i >= count) return;
    const int row = i / TN % rows;
#ifdef PLAIN_SRC
    const int c = row / taps, tap = row % taps;
#else
    const int c = row / (TK * taps) * TK + row % TK, tap = row / TK % taps;
#endif
    store(k < K && c < C ? weights[weights_at + (k * C + c) * taps + tap] : 0.0f, packed, packed_at + i);
}
