/* conv_grad_weights_matrix.cl - the gradient of a convolution by its weights on matrix units:
 * diff_weights[k,c,r,s] = sum over n, p, q of diff_dst[n,k,p,q] * src[n,c,p*stride+r*dilation-pad,q*stride+s*dilation-pad].
 *
 * The pixels (n,p,q) of dst stand in one row, which is cut into runs. For a run, an item lays out diff_dst as fragments with
 * channels in rows and pixels in columns, once; and src, for each tap and block, as fragments of pairs of pixels. Their product
 * is a tile of DB * SB sums. A pixel whose tap lies in the padding reads zeros.
 *
 * Build options: DB channels in a block of diff_dst and SB in one of src, 16 or 32; MT = DB / 16, NT = SB / 16; RUN pixels, a
 * multiple of 32. With WINDOW,
 * src is a padded copy with the channels innermost, and SB neighbours in a row of taps stand for a block of channels.
 *
 * In elements an item reads diff_dst once and src once per tap, writes (group + 1) * RUN * 32 of scratch, which should stay in
 * the second-level cache, and adds to its sums once per run.
 */
#define MEM __global
#define SUMS_MEM __global
#include "matrix.cl"
#include "conv.cl"

enum { CHUNK = 32 }; /* pixels in a fragment */

/* The same fields as in backends/opencl/conv_grad_weights_matrix.c. */
struct matrix_grad {
    int group, parts; /* blocks of K of an item; parts of the runs */
    int c_blocks;     /* blocks of src; with WINDOW 1 */
    int taps;         /* R*S; with WINDOW R */
    int pad_h, pad_w; /* WINDOW: size of the padded copy's images */
};

/* a0 b0 a1 b1 ... of the lower or the upper half. */
static inline uint16 zip_low(uint16 a, uint16 b)
{
    return (uint16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7);
}

static inline uint16 zip_high(uint16 a, uint16 b)
{
    return (uint16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf);
}

/* 16 channels of two pixels, channel by channel. */
static inline uint16 pair(__global const real *a, __global const real *b)
{
    return convert_uint16(vload16(0, a)) | convert_uint16(vload16(0, b)) << 16;
}

/* A tensor by pixels: where it begins, and what a pixel that is not there reads. */
struct pixels {
    __global const real *from, *zeros;
};

static inline __global const real *pixel(const struct pixels *x, int at)
{
    return at < 0 ? x->zeros : x->from + at;
}

/* 32 pixels of 16 channels -> 16 rows, one per channel, of 32 pixels. */
static void rows_of_channels(const struct pixels *from, const int *at, int c, __global uint16 *to)
{
    uint16 x[16], y[16];
#pragma unroll
    for (int i = 0; i < 16; i++) x[i] = pair(pixel(from, at[2 * i]) + c, pixel(from, at[2 * i + 1]) + c);
#pragma unroll
    for (int round = 0; round < 2; round++) {
#pragma unroll
        for (int i = 0; i < 8; i++) y[2 * i] = zip_low(x[i], x[i + 8]), y[2 * i + 1] = zip_high(x[i], x[i + 8]);
#pragma unroll
        for (int i = 0; i < 8; i++) x[2 * i] = zip_low(y[i], y[i + 8]), x[2 * i + 1] = zip_high(y[i], y[i + 8]);
    }
#pragma unroll
    for (int i = 0; i < 16; i++) to[i] = x[i];
}

/* 32 pixels of SB channels -> SB / 16 fragments of 16 rows, one per pair of pixels. */
static void rows_of_pairs(const struct pixels *from, const int *at, __global uint16 *to)
{
    for (int i = 0; i < 16; i++) {
        __global const real *a = pixel(from, at[2 * i]), *b = pixel(from, at[2 * i + 1]);
#pragma unroll
        for (int j = 0; j < NT; j++) to[j * 16 + i] = pair(a + j * 16, b + j * 16);
    }
}

/* sums (DB, SB) += a * b over `chunks` chunks; with `first` they begin at 0. */
MATRIX void multiply(__global const real *a, __global const real *b, __global acc *sums, int chunks, int first)
{
    const int tap = 0;
    for (int i = 0; i < chunks; i += STEPS_AT_ONCE) {
        const struct steps steps = {.src = a + i * DB * CHUNK,
                                    .step = CHUNK,
                                    .plane = DB * CHUNK,
                                    .tap = &tap,
                                    .blocks = min(chunks - i, STEPS_AT_ONCE),
                                    .taps = 1,
                                    .until = DB,
                                    .weights = b + i * SB * CHUNK};
        multiply_steps(sums, first && i == 0 ? WITH_ZEROS : WITH_SUMS, &steps);
        store_sums(sums);
    }
}

/* The pixels of a run: where each lies in diff_dst, and where its taps begin in src; -1 past the end. */
struct run {
    int chunks;
    int diff[RUN], image[RUN], h[RUN], w[RUN];
};

static void find_pixels(struct run *run, int begin, const struct conv_dims *d, const struct matrix_grad *g)
{
    const int plane = d->P * d->Q, k_blocks = CEIL_DIV(d->K, DB), c_blocks = CEIL_DIV(d->C, SB);
    const int count = min(RUN, d->N * plane - begin);
    int n = begin / plane, p = begin % plane / d->Q, q = begin % d->Q;
    run->chunks = CEIL_DIV(count, CHUNK);
    for (int i = 0; i < run->chunks * CHUNK; i++) {
        const int inside = i < count;
        run->diff[i] = inside ? ((n * k_blocks * d->P + p) * d->Q + q) * DB : -1;
#ifdef WINDOW
        run->image[i] = inside ? ((n * g->pad_h + p * d->stride_h) * g->pad_w + q * d->stride_w) * d->C : 0;
#else
        run->image[i] = n * c_blocks * d->H * d->W * SB;
        run->h[i] = inside ? p * d->stride_h - d->pad_top : INT_MIN / 2;
        run->w[i] = q * d->stride_w - d->pad_left;
#endif
        if (++q < d->Q) continue;
        q = 0;
        if (++p < d->P) continue;
        p = 0;
        n++;
    }
}

/* Where the pixels of block c, seen from a tap, lie in src; -1 in the padding. */
static void find_taps(const struct run *run, int *at, int tap, int c, const struct conv_dims *d,
                      const struct matrix_grad *g)
{
#ifdef WINDOW
    const int row = tap * d->dilation_h * g->pad_w * d->C;
    for (int i = 0; i < run->chunks * CHUNK; i++) at[i] = run->image[i] + row;
#else
    const int down = tap / d->S * d->dilation_h, right = tap % d->S * d->dilation_w;
    for (int i = 0; i < run->chunks * CHUNK; i++) {
        const int h = run->h[i] + down, w = run->w[i] + right;
        const int inside = ((uint)h < (uint)d->H) & ((uint)w < (uint)d->W);
        at[i] = inside ? run->image[i] + ((c * d->H + h) * d->W + w) * SB : -1;
    }
#endif
}

/* Blocks k to k + blocks - 1 of diff_dst, as rows of channels: a[block][chunk][DB][32]. */
static void lay_out_diff(const struct run *run, const struct pixels *diff_dst, __global real *a, int k, int blocks,
                         const struct conv_dims *d)
{
    int at[CHUNK];
    for (int b = 0; b < blocks; b++)
        for (int i = 0; i < run->chunks; i++) {
            __global real *to = a + (b * RUN + i * CHUNK) * DB;
            for (int j = 0; j < CHUNK; j++) {
                const int first = run->diff[i * CHUNK + j];
                at[j] = first < 0 ? -1 : first + (k + b) * d->P * d->Q * DB;
            }
            for (int c = 0; c < DB; c += 16) rows_of_channels(diff_dst, at, c, (__global uint16 *)(to + c * CHUNK));
        }
}

/* Work-items: (groups of blocks of K, parts of the runs), groups of 1. sums[part][K/DB][blocks of src][taps][DB][SB]. scratch, of
 * ITEM_SCRATCH(group) elements an item, begins with the zeros that pixels in the padding read. */
#define ITEM_SCRATCH(group) (CHUNK + RUN * (SB + (group)*DB))

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_grad_weights_matrix(__global const real *restrict src, ulong src_at, __global const real *restrict diff_dst,
                         ulong diff_dst_at, __global real *scratch, ulong scratch_at, __global acc *sums, ulong sums_at,
                         const struct conv_dims d, const struct matrix_grad g)
{
    const int group = get_global_id(0), part = get_global_id(1), parts = get_global_size(1);
    const int k_blocks = CEIL_DIV(d.K, DB), k0 = group * g.group, blocks = min(g.group, k_blocks - k0);
    const int c_blocks = g.c_blocks, runs = CEIL_DIV(d.N * d.P * d.Q, RUN);
    const int begin = (int)((long)runs * part / parts), end = (int)((long)runs * (part + 1) / parts);
    struct run run;
    int at[RUN];

    scratch += scratch_at + (size_t)(part * get_global_size(0) + group) * ITEM_SCRATCH(g.group);
    sums += sums_at + ((size_t)part * k_blocks + k0) * c_blocks * g.taps * (DB * SB);
    for (int i = 0; i < CHUNK; i++) scratch[i] = 0;
    __global real *const b = scratch + CHUNK, *const a = b + RUN * SB;
    const struct pixels x = {src + src_at, scratch}, y = {diff_dst + diff_dst_at, scratch};
    matrix_begin();
    for (int i = begin; i < end; i++) {
        find_pixels(&run, i * RUN, &d, &g);
        lay_out_diff(&run, &y, a, k0, blocks, &d);
        for (int tap = 0; tap < g.taps; tap++)
            for (int c = 0; c < c_blocks; c++) {
                find_taps(&run, at, tap, c, &d, &g);
                for (int j = 0; j < run.chunks; j++)
                    rows_of_pairs(&x, at + j * CHUNK, (__global uint16 *)(b + j * CHUNK * SB));
                for (int k = 0; k < blocks; k++)
                    multiply(a + (size_t)k * RUN * DB, b, sums + (((size_t)k * c_blocks + c) * g.taps + tap) * (DB * SB),
                             run.chunks, i == begin);
            }
    }
    matrix_end();
}

/* diff_weights from the sums of the parts, added in their order. Work-items: (K, blocks of src), groups of 1. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_grad_weights_gather(__global const acc *restrict sums, ulong sums_at, __global param *restrict diff_weights,
                         ulong diff_weights_at, const struct conv_dims d, const struct matrix_grad g)
{
    const int k = get_global_id(0), c = get_global_id(1), k_blocks = CEIL_DIV(d.K, DB), C = min(SB, d.C - c * SB);
    const size_t part = (size_t)k_blocks * g.c_blocks * g.taps * (DB * SB);
    __global const acc *from =
        sums + sums_at + ((size_t)k / DB * g.c_blocks + c) * g.taps * (DB * SB) + k % DB * SB;
    __global param *to = diff_weights + diff_weights_at + ((size_t)k * d.C + c * SB) * d.R * d.S;
    acc line[SB];
    for (int tap = 0; tap < g.taps; tap++) {
        for (int i = 0; i < SB; i++) line[i] = from[tap * (DB * SB) + i];
        for (int p = 1; p < g.parts; p++)
            for (int i = 0; i < SB; i++) line[i] += from[p * part + tap * (DB * SB) + i];
#ifdef WINDOW
        for (int i = 0; i < d.S * d.C; i++) to[(i % d.C * d.R + tap) * d.S + i / d.C] = line[i];
#else
        for (int i = 0; i < C; i++) to[i * g.taps + tap] = line[i];
#endif
    }
}

#ifdef WINDOW
/* src, plain -> padded, N images of pad_h * pad_w pixels of C neighbouring channels. The SB elements that follow the last one are
 * set, too. Work-items: one per pixel of padded. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_grad_weights_window(__global const real *restrict src, ulong src_at, __global real *restrict padded,
                         ulong padded_at, const struct conv_dims d, const struct matrix_grad g)
{
    const size_t i = get_global_id(0), count = (size_t)d.N * g.pad_h * g.pad_w;
    if (i >= count) return;
    const int w = (int)(i % g.pad_w) - d.pad_left, h = (int)(i / g.pad_w % g.pad_h) - d.pad_top;
    const size_t n = i / g.pad_w / g.pad_h;
    const int inside = (uint)h < (uint)d.H && (uint)w < (uint)d.W;

    src += src_at;
    padded += padded_at;
    for (int c = 0; c < d.C; c++) padded[i * d.C + c] = inside ? src[((n * d.C + c) * d.H + h) * d.W + w] : 0;
    if (i == count - 1)
        for (int c = 0; c < SB; c++) padded[count * d.C + c] = 0;
}
#endif
