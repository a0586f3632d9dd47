/* conv_matrix.cl - a convolution of bfloat16 on matrix units (matrix.cl).
 *
 * dst = act(conv(src, weights) + bias + residual); residual may be dst. dst is in blocks of DB channels, 16 or 32. For gradients by src
 * (conv_phase.h) the pixels of dst may be every few ones only, and there may be a mask like dst.
 * An item computes `panels` panels of NT * 16 outputs for a part of dst. The part's pixels are numbered: position 0 on. A tile is
 * MT * 16 positions; what it meets of src at a tap are rows of 32 channels a fixed step apart. That is so where, by SRC,
 *   1  in blocks of 32, and a pixel of dst is one of src (1x1, stride 1): src itself; a part is pixels of one image;
 *   2  in blocks of SB = 16 or 32: a copy in local memory, with the zeros of the padding. A part is rows of some images. The copy's
 *      rows lie behind one another, without the pixels that a stride skips, so a tile may cross from one to the next: positions
 *      between them are computed in vain. Pixels of all images lie beside each other. What pads a row at its right pads the next at its left;
 *   3  plain, of few channels: a copy, too, of whole rows with CP channels (a power of two), where 32 / CP columns are the
 *      "channels" of a tap. Rows of 32 overlap.
 * Sums in float32 wait in private memory until the next tile is multiplied, so that both go on at once.
 *
 * Work-items: (parts, ceil(panels of dst / panels)), groups of 1.
 * Packed weights: [panel][blocks of 32 channels][R][S][NT][16 pairs of channels][16 outputs][2]; SRC 3: [panel][R][groups of columns][NT]...
 * Local memory: bias of the item's panels; SRC 2, 3: the copy, a tile more, and the place of each position.
 * Memory per item: src of the part once, in passes of `panels`; weights of a panel once per GROUP tiles, from the second-level cache.
 */
#if SRC == 1
#define MEM __global
#else
#define MEM __local
#endif
#include "matrix.cl"
#include "conv.cl"

enum {
    LINE = 32,         /* channels of a fragment */
    TILE = 16 * MT,    /* positions */
    PANEL = 16 * NT,   /* outputs */
    GROUP = 2,         /* tiles that use a slice of weights while it is in the first-level cache */
    MOST_TAPS = 64
};

/* How the work is cut; the same fields as matrix_cut in backends/opencl/conv_matrix.c. */
struct matrix_cut {
    int taps;          /* R * S, or SRC 3 R * groups of columns; none where no weight meets the pixels */
    int part, images;  /* of dst: pixels (SRC 1), or rows of so many images */
    int panels;
    int slice;         /* blocks of 32 channels that are multiplied at once */
    int pitch, shared; /* of the copy: positions from a row to the next; those behind the last row */
    int columns;       /* SRC 3: taps of a row for one fragment */
};

struct job {
    MEM const real *src; /* position 0 */
    long step, plane;    /* between positions, between blocks of 32 channels */
    int positions, blocks, taps, slice;
    const int *tap;      /* of each, where it is in src */
    __global const real *weights;
    __local const float *bias;
    __global const real *mask, *residual;
    __global real *dst;
    __local const int *place; /* of each position, its pixel in dst, or -1 */
    long dst_plane;           /* pixels */
    int k, K, panels, flags;
    int odd;          /* SRC 3: infinity or NaN is in src: what a row of 32 has beyond the taps must not be multiplied, even by 0 */
    __local real *rows; /* for that: MT fragments */
    int taps_w, columns;
};

/* Sums that wait to be stored. */
struct tile {
    const float *sums; /* or NULL */
    int panel, first, skip;
};

/* ---- What a tile becomes ---- */

/* 32 outputs of a pixel from channel k on, at element `at` of dst. */
MATRIX_INLINE void finish_line(const struct job *job, const float *sums, int k, long at)
{
    const long second = DB == 32 ? 16 : job->dst_plane * DB;
    const int both = DB == 32 || k + 16 < job->K;
    vec low = *(const vec *)sums, high = *(const vec *)(sums + 16);
    if (job->flags & WITH_RESIDUAL) {
        low += load_aligned(job->residual + at);
        if (both) high += load_aligned(job->residual + at + second);
    }
    if (job->flags & WITH_MASK) {
        low = masked(low, load_aligned(job->mask + at));
        if (both) high = masked(high, load_aligned(job->mask + at + second));
    }
    if (k + LINE > job->K) { /* a NaN among the channels would reach those past K, too */
        low = clear_tail(low, k, job->K);
        high = clear_tail(high, k + 16, job->K);
    }
    const uint16 line = round_line(low, high, job->flags & WITH_RELU);
#if DB == 32
    *(__global uint16 *)(job->dst + at) = line;
#else
    *(__global uint8 *)(job->dst + at) = line.lo;
    if (both) *(__global uint8 *)(job->dst + at + second) = line.hi;
#endif
}

MATRIX_INLINE void finish(const struct job *job, const struct tile *tile)
{
    const int until = min(TILE, job->positions - tile->first);
#pragma unroll
    for (int pair = 0; pair < NT; pair += 2) {
        const int k = job->k + tile->panel * PANEL + pair * 16;
        if (k >= job->K) break;
        const long plane = (k - job->k) / DB * job->dst_plane;
        for (int i = tile->skip; i < until; i++) {
#if SRC == 1
            const int pixel = tile->first + i;
#else
            const int pixel = job->place[tile->first + i];
            if (pixel < 0) continue;
#endif
            finish_line(job, tile->sums + i * PANEL + pair * 16, k, (plane + pixel) * DB);
        }
    }
}

/* ---- Multiplying ---- */

#if SRC == 3
#define STEP job->step

/* A copy of 16 rows without the columns that are no taps. */
static void without_surplus(const struct job *job, MEM const real *from, int tap, int fragment)
{
    __local real *to = job->rows + fragment * FRAGMENT;
    const int groups = CEIL_DIV(job->taps_w, job->columns), left = job->taps_w - tap % groups * job->columns;
    from += fragment * 16 * job->step;
    for (int p = 0; p < 16; p++)
        for (int i = 0; i < LINE; i++) to[p * LINE + i] = i / CP < left ? from[p * job->step + i] : 0;
}

/* Tap by tap. */
MATRIX_INLINE void multiply_odd(const struct job *job, float *sums, const struct steps *all)
{
    const int first = 0;
    __global const real *weights = all->weights;
    for (int u = 0; u < job->taps; u++, weights += NT * FRAGMENT) {
        for (int i = 0; i < MT; i++) without_surplus(job, all->src + job->tap[u], u, i);
        const struct steps rows = {
            .src = job->rows, .step = LINE, .tap = &first, .blocks = 1, .taps = 1, .until = TILE, .weights = weights, .row = all->row};
        multiply_steps(sums, u > 0 ? WITH_SUMS : WITH_ROW, &rows);
        store_sums(sums);
    }
}
#else
#define STEP LINE
#endif

/* All positions times all panels. */
MATRIX void multiply(const struct job *job)
{
    float sums[GROUP + 1][TILE * PANEL] __attribute__((aligned(64)));
    struct tile old = {0};
    const int tiles = CEIL_DIV(job->positions, TILE), groups = CEIL_DIV(tiles, GROUP), lines = CEIL_DIV(16 * NT, tiles);
    const long panel_size = (long)job->blocks * job->taps * NT * FRAGMENT;
    int slot = 0;
    for (int unit = 0; unit < job->panels * groups; unit++) {
        const int panel = unit / groups, t0 = unit % groups * GROUP, t1 = min(t0 + GROUP, tiles);
        __global const real *weights = job->weights + panel * panel_size,
                            *next = weights + panel_size + (long)t0 * lines * job->blocks * job->taps * LINE;
        for (int c0 = 0; c0 < job->blocks; c0 += job->slice) {
            const int c1 = min(c0 + job->slice, job->blocks);
            for (int t = t0; t < t1; t++) {
#if SRC == 1 /* it must not read past src */
                const int first = min(t * TILE, job->positions - TILE), skip = t * TILE - first;
#else
                const int first = t * TILE, skip = 0;
#endif
                const struct steps steps = {.src = job->src + first * STEP + c0 * job->plane,
                                            .step = STEP,
                                            .plane = job->plane,
                                            .tap = job->tap,
                                            .blocks = c1 - c0,
                                            .taps = job->taps,
                                            .from = skip,
                                            .until = min(TILE, job->positions - first),
                                            .weights = weights + (long)c0 * job->taps * NT * FRAGMENT,
                                            .row = job->bias + panel * PANEL,
                                            .fetch = next, /* the panel behind */
                                            .lines = lines};
                float *to = sums[(slot + t - t0) % (GROUP + 1)];
#if SRC == 3
                if (job->odd)
                    multiply_odd(job, to, &steps);
                else
#endif
                    multiply_steps(to, c0 > 0 ? WITH_SUMS : WITH_ROW, &steps);
                next += (long)steps.blocks * steps.taps * lines * LINE;
                if (old.sums) finish(job, &old);
                store_sums(to);
                old.sums = c1 < job->blocks ? 0 : to;
                old.panel = panel;
                old.first = first;
                old.skip = skip;
            }
        }
        slot = (slot + t1 - t0) % (GROUP + 1);
    }
    finish(job, &old);
}

/* ---- The copy of src ---- */

/* The pixels that a stride skips lie in planes of their own: of rows h - pad, plane h % stride; columns likewise. A plane is
 * [rows][pitch][images] and some more; SRC 3: [rows][pitch * stride_w columns][CP]. */
struct copy {
    int n, p; /* the first image, the first row of dst */
    int images, rows, planes_h, planes_w, pitch, shared;
    long plane; /* elements */
};

#if SRC == 2
/* 32 channels of a pixel. */
static inline void copy_line(__local real *to, __global const real *from, long plane, int both)
{
#if SB == 32
    *(__local uint16 *)to = *(__global const uint16 *)from;
#else
    *(__local uint8 *)to = *(__global const uint8 *)from;
    *(__local uint8 *)(to + 16) = both ? *(__global const uint8 *)(from + plane * SB) : (uint8)0;
#endif
}

/* A row of a plane, of columns j * stride + b - pad; all zeros where src has no such row (NULL). Its pixels lie `step` elements apart. */
static void copy_row(__local real *to, __global const real *row, int both, int b, int pitch, int step, const struct conv_dims *d)
{
    const int off = d->pad_left - b, last = d->W - 1 + off;
    const int j1 = row && last >= 0 ? min(last / d->stride_w + 1, pitch) : 0, j0 = off > 0 ? min(CEIL_DIV(off, d->stride_w), j1) : 0;
    __global const real *from = row + ((long)j0 * d->stride_w - off) * SB;
    for (int j = 0; j < j0; j++) *(__local uint16 *)(to + (long)j * step) = (uint16)0;
    for (int j = j0; j < j1; j++, from += d->stride_w * SB)
        copy_line(to + (long)j * step, from, (long)d->H * d->W, both);
    for (int j = j1; j < pitch; j++) *(__local uint16 *)(to + (long)j * step) = (uint16)0;
}

/* Copies what the item reads. */
static int copy_src(__local real *to, __global const real *src, const struct copy *copy, const struct conv_dims *d)
{
    const int planes = CEIL_DIV(d->C, SB), step = copy->images * LINE;
    for (int c = 0; c < d->C; c += LINE)
        for (int a = 0; a < copy->planes_h; a++)
            for (int b = 0; b < copy->planes_w; b++, to += copy->plane) {
                __local real *row = to;
                for (int i = 0; i < copy->rows; i++, row += (long)copy->pitch * step) {
                    const int h = (copy->p + i) * d->stride_h + a - d->pad_top;
                    for (int n = 0; n < copy->images; n++) {
                        const long at = (((long)(copy->n + n) * planes + c / SB) * d->H + h) * d->W * SB;
                        copy_row(row + n * LINE, (uint)h < (uint)d->H ? src + at : 0, c + 16 < d->C, b, copy->pitch, step, d);
                    }
                }
                for (int j = 0; j < copy->shared * copy->images; j++) *(__local uint16 *)(row + j * LINE) = (uint16)0;
            }
    return 0;
}
#elif SRC == 3
static inline int is_odd(real x)
{
    return (x & 0x7f80) == 0x7f80;
}

/* Columns j0 to j1 of a row of src, all channels. Returns whether infinity or NaN is among it. */
static int copy_columns(__local real *to, __global const real *from, long plane, int j0, int j1, const struct conv_dims *d)
{
    int odd = 0, j = j0;
#if CP == 4 /* of pictures */
    short8 any_odd = (short8)0;
    for (; j + 8 <= j1; j += 8) {
        ulong8 columns = (ulong8)0;
        for (int c = 0; c < d->C; c++) {
            const ushort8 x = vload8(0, from + c * plane + j);
            any_odd |= (x & (ushort8)0x7f80) == (ushort8)0x7f80;
            columns |= convert_ulong8(x) << (16 * c);
        }
        vstore8(columns, 0, (__local ulong *)(to + j * CP));
    }
    odd = any(any_odd);
#endif
    for (; j < j1; j++)
        for (int c = 0; c < CP; c++) {
            const real x = c < d->C ? from[c * plane + j] : 0;
            odd |= is_odd(x);
            to[j * CP + c] = x;
        }
    return odd;
}

/* The same. Returns whether infinity or NaN is among it. */
static int copy_src(__local real *to, __global const real *src, const struct copy *copy, const struct conv_dims *d)
{
    const int columns = copy->pitch * d->stride_w;
    const long plane = (long)d->H * d->W;
    int odd = 0;
    src += copy->n * d->C * plane;
    for (int a = 0; a < copy->planes_h; a++, to += copy->plane) {
        __local real *row = to;
        for (int i = 0; i < copy->rows; i++, row += columns * CP) {
            const int h = (copy->p + i) * d->stride_h + a - d->pad_top, inside = (uint)h < (uint)d->H;
            const int j0 = inside ? min(d->pad_left, columns) : columns, j1 = min(j0 + d->W, columns);
            for (int j = 0; j < j0 * CP; j++) row[j] = 0;
            odd |= copy_columns(row, src + (long)h * d->W - d->pad_left, plane, j0, j1, d);
            for (int j = j1 * CP; j < columns * CP; j++) row[j] = 0;
        }
    }
    return odd;
}
#endif

#if SRC != 1
/* Where the part's pixels lie, and where its taps. */
static void place_positions(__local int *place, int positions, const struct copy *copy, const struct conv_dims *d,
                            const struct conv_place *dst)
{
    const long image = (long)CEIL_DIV(d->K, DB) * dst->H * dst->W;
    int p = copy->p, q = 0, n = 0;
    for (int i = 0; i < positions; i++) {
        place[i] = q < d->Q ? (int)(n * image + pixel_at(dst, p, q)) : -1;
        if (++n < copy->images) continue;
        n = 0;
        if (++q < copy->pitch) continue;
        q = 0;
        p++;
    }
}

static void place_taps(int *tap, const struct copy *copy, int columns, const struct conv_dims *d)
{
    for (int r = 0; r < d->R; r++) {
        const int h = r * d->dilation_h;
#if SRC == 2
        for (int s = 0; s < d->S; s++, tap++) {
            const int w = s * d->dilation_w;
            *tap = (h % d->stride_h * copy->planes_w + w % d->stride_w) * copy->plane +
                   (h / d->stride_h * copy->pitch + w / d->stride_w) * copy->images * LINE;
        }
#else
        for (int s = 0; s < d->S; s += columns, tap++)
            *tap = h % d->stride_h * copy->plane + (h / d->stride_h * copy->pitch * d->stride_w + s) * CP;
#endif
    }
}
#endif

/* ---- Kernels ---- */

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_matrix(__global const real *src, ulong src_at, __global const real *restrict weights, ulong weights_at,
            __global const param *restrict bias, ulong bias_at, __global const real *mask, ulong mask_at,
            __global const real *residual, ulong residual_at, __global real *dst, ulong dst_at,
            const struct conv_dims d, const struct matrix_cut cut, const struct conv_place place_of_dst,
            __local float *scratch)
{
    const int part = get_global_id(0), panel = get_global_id(1) * cut.panels, planes = CEIL_DIV(d.K, DB);
    const long dst_plane = (long)place_of_dst.H * place_of_dst.W;
    int tap[MOST_TAPS];
    struct job job = {.blocks = CEIL_DIV(d.C, LINE), .taps = cut.taps, .slice = cut.slice, .tap = tap, .bias = scratch,
                      .dst_plane = dst_plane, .k = panel * PANEL, .K = d.K,
                      .panels = min(cut.panels, CEIL_DIV(d.K, PANEL) - panel), .flags = d.flags};
    for (int k = 0; k < job.panels * PANEL; k += 16)
        *(__local vec *)(scratch + k) = d.flags & WITH_BIAS && job.k + k < d.K ? load_params(bias + bias_at, job.k + k, d.K) : (vec)0.0f;
    src += src_at;
#if SRC == 1
    const int parts = CEIL_DIV((int)dst_plane, cut.part), n = part / parts, begin = part % parts * cut.part;
    tap[0] = 0;
    job.src = src + (n * job.blocks * dst_plane + begin) * LINE;
    job.step = LINE;
    job.plane = dst_plane * LINE;
    job.positions = min(cut.part, (int)dst_plane - begin);
    const long pixel = n * planes * dst_plane + begin;
#else
    const int parts = CEIL_DIV(d.P, cut.part), first_row = part % parts * cut.part, rows = min(cut.part, d.P - first_row);
    struct copy copy = {.n = part / parts * cut.images, .p = first_row, .rows = rows + (d.R - 1) * d.dilation_h / d.stride_h,
                        .planes_h = min(d.stride_h, (d.R - 1) * d.dilation_h + 1), .pitch = cut.pitch, .shared = cut.shared};
    copy.images = min(cut.images, d.N - copy.n);
    __local real *lines = (__local real *)(scratch + cut.panels * PANEL);
#if SRC == 2
    copy.planes_w = min(d.stride_w, (d.S - 1) * d.dilation_w + 1);
    copy.plane = ((long)copy.rows * copy.pitch + copy.shared) * copy.images * LINE;
    job.step = LINE;
    job.plane = copy.plane * copy.planes_h * copy.planes_w;
    const long size = job.plane * job.blocks + TILE * LINE;
#else
    copy.plane = (long)copy.rows * copy.pitch * d.stride_w * CP;
    job.blocks = 1;
    job.taps_w = d.S;
    job.columns = cut.columns;
    job.step = d.stride_w * CP;
    job.rows = lines;
    lines += MT * FRAGMENT;
    const long size = (copy.plane * copy.planes_h + TILE * job.step + 2 * LINE - 1) / LINE * LINE;
#endif
    __local int *place = (__local int *)(lines + size);
    job.odd = copy_src(lines, src, &copy, &d);
    job.src = lines;
    job.place = place;
    job.positions = (rows * copy.pitch - (copy.pitch - d.Q)) * copy.images;
    place_positions(place, job.positions, &copy, &d, &place_of_dst);
    place_taps(tap, &copy, cut.columns, &d);
    const long pixel = copy.n * planes * dst_plane;
#endif
    const long to = (pixel + job.k / DB * dst_plane) * DB;
    job.weights = weights + weights_at + (long)panel * job.blocks * job.taps * NT * FRAGMENT;
    job.mask = mask + mask_at + to;
    job.residual = residual + residual_at + to;
    job.dst = dst + dst_at + to;
    matrix_begin();
    multiply(&job);
    matrix_end();
}

/* What 16 outputs have for channel (and column) number `at` of a fragment; 0 where the weights end. */
static inline vec fragment_channel(__global const param *from, const struct conv_view *v, int outputs, int at, int c0,
                                   int s0, int C, int S)
{
#if SRC == 3
    const int c = at % CP, s = s0 + at / CP;
#else
    const int c = c0 + at, s = s0;
#endif
    acc lanes[V];
    from += c * v->step_c + s * v->step_s;
    const int count = c < C && s < S ? outputs : 0;
    if (count == V)
        for (int k = 0; k < V; k++) lanes[k] = from[k * v->step_k];
    else
        for (int k = 0; k < V; k++) lanes[k] = k < count ? from[k * v->step_k] : 0.0f;
    return LOAD(lanes);
}

/* weights (k, c, r, s) -> packed, zero beyond K, C or S. Work-items: (fragments of outputs, fragments of channels and taps), groups
 * of 1. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_matrix_pack(__global const param *restrict weights, ulong weights_at, __global real *restrict packed,
                 ulong packed_at, int K, int C, int R, int S, int columns, const struct conv_view view)
{
    const int fragment = get_global_id(0), step = get_global_id(1), steps = get_global_size(1);
#if SRC == 3
    const int groups = CEIL_DIV(S, columns), r = step / groups, s0 = step % groups * columns, c0 = 0;
#else
    const int r = step / S % R, s0 = step % S, c0 = step / (R * S) * LINE;
#endif
    weights += weights_at + view.first + fragment * 16 * view.step_k + r * view.step_r;
    __global uint16 *to = (__global uint16 *)(packed + packed_at) + (((long)fragment / NT * steps + step) * NT + fragment % NT) * 16;
    const int outputs = min(V, K - fragment * 16);
    for (int pair = 0; pair < 16; pair++) {
        const vec even = fragment_channel(weights, &view, outputs, 2 * pair, c0, s0, C, S),
                  odd = fragment_channel(weights, &view, outputs, 2 * pair + 1, c0, s0, C, S);
        to[pair] = convert_uint16(narrow(even)) | convert_uint16(narrow(odd)) << 16;
    }
}
