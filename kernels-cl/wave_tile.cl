/* wave_tile.cl - a product of matrices of 16-bit numbers by work-groups of a GPU, in tiles, on its matrix units (wave.cl).
 *
 * A group makes a tile of TM rows and TN columns, in steps of TK of the inner dimension; a wave of it FM by FN fragments. Per step the
 * items bring TK of both factors into local memory, where the inner dimension's numbers lie side by side; the next step's are on their way
 * into registers meanwhile, and local memory holds two of each, so one barrier a step is enough.
 *
 * Tile parameters: TM a multiple of 16 * FM, TN of 16 * FN; FM, FN 1, 2 or 4; TK 16 or 32. V = 8. ITEMS divides TM * TK/8 and, unless it
 * is more, TN * TK/8, four times at most; TK/8 divides ITEMS.
 *
 * Why these sizes: of local memory a wave reads FM + FN fragments for FM * FN products of them. Bank conflicts: rows are padded by 8
 * numbers, so that 8 neighbouring rows lie in different banks. */
#ifdef WAVE_INTEL
#define ROW TK /* read in blocks */
#else
#define ROW (TK + 8)
#endif
#include "wave.cl"

#define WAVES_N (TN / (EDGE * FN))
#define WAVES (TM / (EDGE * FM) * WAVES_N)
#define ITEMS (WAVES * WAVE)
#define PARTS (TK / 8)
#define TILE ((TM + TN) * ROW) /* numbers of a step */

/* Local memory in units of 16 bytes: two steps, or what the waves show of their sums. */
#define STEPS_UNITS (2 * TILE / 8)
#define SUMS_UNITS (WAVES * EDGE * SUMS_ROW / 4)
#define LOCAL_UNITS (STEPS_UNITS > SUMS_UNITS ? STEPS_UNITS : SUMS_UNITS)

/* Eight numbers, and how many such an item brings per step of a factor with so many rows. All that is many is kept by name: an array
 * would stay in memory where a compiler resolves arrays before it unrolls loops, as Intel's does. */
typedef uint4 piece;
#define PIECES(rows) CEIL_DIV((rows)*PARTS, ITEMS)
#define HAS_PIECES(rows, item) ((rows)*PARTS >= ITEMS || (item) < (rows)*PARTS)
struct pieces {
    piece p0, p1, p2, p3;
};

/* An item's pieces in a factor's tile of a step: row item / PARTS and each (ITEMS / PARTS)-th behind it. */
static void keep_pieces(__local real *tile, struct pieces v, int rows, int item)
{
    __local real *to = tile + item / PARTS * ROW + item % PARTS * 8;
    const int next = ITEMS / PARTS * ROW;
    if (HAS_PIECES(rows, item)) *(__local piece *)to = v.p0;
    if (PIECES(rows) > 1) *(__local piece *)(to + next) = v.p1;
    if (PIECES(rows) > 2) *(__local piece *)(to + 2 * next) = v.p2;
    if (PIECES(rows) > 3) *(__local piece *)(to + 3 * next) = v.p3;
}

/* ---- Sums of a wave ---- */

struct sums_row {
    sums_fragment c0;
#if FN > 1
    sums_fragment c1;
#endif
#if FN > 2
    sums_fragment c2, c3;
#endif
};

struct sums {
    struct sums_row r0;
#if FM > 1
    struct sums_row r1;
#endif
#if FM > 2
    struct sums_row r2, r3;
#endif
};

struct weights_row {
    weights_fragment c0, c1, c2, c3;
};

/* Where a lane is: its wave's first row and column in the tile. */
struct lane {
    int lane, wave, row, column;
};

static struct lane lane_of(int item)
{
    const int wave = item / WAVE;
    return (struct lane){item % WAVE, wave, wave / WAVES_N * EDGE * FM, wave % WAVES_N * EDGE * FN};
}

static void add_row(struct sums_row *s, src_fragment src, const struct weights_row *w)
{
    multiply_add(&s->c0, src, w->c0);
#if FN > 1
    multiply_add(&s->c1, src, w->c1);
#endif
#if FN > 2
    multiply_add(&s->c2, src, w->c2);
    multiply_add(&s->c3, src, w->c3);
#endif
}

/* Adds one step: src and weights are the tiles of the group. */
static void add_step(struct sums *s, __local const real *src, __local const real *weights, struct lane at)
{
    src += at.row * ROW;
    weights += at.column * ROW;
#pragma unroll
    for (int k = 0; k < TK; k += EDGE, src += EDGE, weights += EDGE) {
        struct weights_row w;
        w.c0 = load_weights_fragment(weights, at.lane);
        if (FN > 1) w.c1 = load_weights_fragment(weights + EDGE * ROW, at.lane);
        if (FN > 2) w.c2 = load_weights_fragment(weights + 2 * EDGE * ROW, at.lane);
        if (FN > 2) w.c3 = load_weights_fragment(weights + 3 * EDGE * ROW, at.lane);
        add_row(&s->r0, load_src_fragment(src, at.lane), &w);
#if FM > 1
        add_row(&s->r1, load_src_fragment(src + EDGE * ROW, at.lane), &w);
#endif
#if FM > 2
        add_row(&s->r2, load_src_fragment(src + 2 * EDGE * ROW, at.lane), &w);
        add_row(&s->r3, load_src_fragment(src + 3 * EDGE * ROW, at.lane), &w);
#endif
    }
}

/* ---- What becomes of them ---- */

/* The includer's: where sums go, and what puts eight neighbouring columns of a row of the tile there. */
struct target;
static void put_eight(vec sums, int row, int column, const struct target *to);

static void put_fragment(const sums_fragment *s, int row, int column, __local float *area, struct lane at, const struct target *to)
{
    keep_sums(s, area, at.lane);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = at.lane; i < EDGE * EDGE / 8; i += WAVE) {
        __local const float4 *eight = (__local const float4 *)(area + i / 2 * SUMS_ROW + i % 2 * 8);
        put_eight((vec)(eight[0], eight[1]), at.row + row + i / 2, at.column + column + i % 2 * 8, to);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

static void put_row(const struct sums_row *s, int row, __local float *area, struct lane at, const struct target *to)
{
    put_fragment(&s->c0, row, 0, area, at, to);
#if FN > 1
    put_fragment(&s->c1, row, EDGE, area, at, to);
#endif
#if FN > 2
    put_fragment(&s->c2, row, 2 * EDGE, area, at, to);
    put_fragment(&s->c3, row, 3 * EDGE, area, at, to);
#endif
}

/* All sums of the group, through local memory, which no item may be reading any more. */
static void put(const struct sums *s, __local piece *memory, struct lane at, const struct target *to)
{
    __local float *area = (__local float *)memory + at.wave * EDGE * SUMS_ROW;
    put_row(&s->r0, 0, area, at, to);
#if FM > 1
    put_row(&s->r1, EDGE, area, at, to);
#endif
#if FM > 2
    put_row(&s->r2, 2 * EDGE, area, at, to);
    put_row(&s->r3, 3 * EDGE, area, at, to);
#endif
}
