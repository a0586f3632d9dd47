/* group_tile.cl - a product of matrices by work-groups of a GPU, in tiles: what the convolution conv_group.cl and the gradient
 * conv_grad_group.cl share.
 *
 * A group of ITEMS work-items makes a tile of TM rows and TN columns, in steps of TK of the inner dimension. Per step the items
 * bring TK rows of both factors into local memory, then each multiplies RM rows by RN columns. The next step's are on their way
 * into registers meanwhile, and local memory holds two of each, so one barrier a step is enough. V = 4.
 *
 * Why these sizes: a step takes (TM + TN) * TK * 4 bytes from memory for 2 * TM * TN * TK FLOPs: 16 FLOPs a byte with 64x64, 32
 * with 128x128. Of local memory an item reads RM + RN floats for RM * RN multiply-adds; a unit that gets one float from it for four
 * multiply-adds keeps up with 1/RM + 1/RN <= 1/4: 8x8, whose 64 independent sums also hide latency with few items. The smaller
 * ones are there to have a group for every unit. */
#include "common.cl"

#define ITEMS (TM / RM * (TN / RN))
#define PARTS (TK / 4)
#define VM (RM / 4)
#define VN (RN / 4)

/* How many of a step are unrolled. The more, the more registers a compiler takes; where a work-item has few, only two: on NVIDIA two
 * groups of 256 items share a unit's registers, and on AMD a wave of 64 has 256, which two waves shall share. */
#if (defined(__NV_CL_C_VERSION) || defined(__NVPTX__)) && ITEMS > 128 && RM * RN == 64
#define UNROLL 2
#elif defined(__AMDGCN_WAVEFRONT_SIZE__) && __AMDGCN_WAVEFRONT_SIZE__ == 64 && RM * RN == 64
#define UNROLL 2
#else
#define UNROLL TK
#endif

/* An item's factors for one of TK, and a row of its sums. */
typedef JOIN(float, RM) column;
typedef JOIN(float, RN) row;

/* Rows by name: an array of them would stay in memory where a compiler resolves arrays before it unrolls loops, as Intel's does. */
struct sums {
    row r0, r1, r2, r3;
#if RM == 8
    row r4, r5, r6, r7;
#endif
};

/* Row m of item (x, y), counted in the tile; and the first column of the j-th four. Four rows or columns are neighbours, and those of
 * neighbouring items follow, so that what a wave reads of local memory at once lies side by side. */
static int row_of(int y, int m)
{
    return m / 4 * (TM / VM) + y * 4 + m % 4;
}

static int column_of(int x, int j)
{
    return j * (TN / VN) + x * 4;
}

static vec columns_of(row sums, int j)
{
#if RN == 8
    return j ? sums.hi : sums.lo;
#else
    return sums;
#endif
}

/* Vectors and the like by name, for the same reason: as many as an item brings per step. Of what is not in use the compiler keeps
 * nothing. */
struct vectors {
    vec v0, v1, v2, v3;
};

static void clear(struct sums *s)
{
    s->r0 = s->r1 = s->r2 = s->r3 = (row)0.0f;
#if RM == 8
    s->r4 = s->r5 = s->r6 = s->r7 = (row)0.0f;
#endif
}

static void add_product(struct sums *s, column a, row b)
{
    s->r0 = fma((row)a.s0, b, s->r0);
    s->r1 = fma((row)a.s1, b, s->r1);
    s->r2 = fma((row)a.s2, b, s->r2);
    s->r3 = fma((row)a.s3, b, s->r3);
#if RM == 8
    s->r4 = fma((row)a.s4, b, s->r4);
    s->r5 = fma((row)a.s5, b, s->r5);
    s->r6 = fma((row)a.s6, b, s->r6);
    s->r7 = fma((row)a.s7, b, s->r7);
#endif
}

/* Adds one step. Four neighbouring rows m of factor a, of number k of the step, lie at vector m/4 ^ k/4 * swizzle of line k. */
static void add_step(struct sums *s, __local const vec *a, __local const vec *b, int x, int y, int swizzle)
{
#pragma unroll UNROLL
    for (int k = 0; k < TK; k++, a += TM / 4, b += TN / 4) {
        const int at = k / 4 * swizzle;
#if RM == 8
        const column rows = (column)(a[y ^ at], a[(TM / 8 + y) ^ at]);
#else
        const column rows = a[y ^ at];
#endif
#if RN == 8
        const row columns = (row)(b[x], b[TN / 8 + x]);
#else
        const row columns = b[x];
#endif
        add_product(s, rows, columns);
    }
}
