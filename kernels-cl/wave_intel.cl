/* wave_intel.cl - fragments in the registers of a subgroup of Intel's GPUs, for dpas: matrices of 8 rows by as many columns as the
 * subgroup has lanes, 8 (Arc A) or 16 (Xe2). The width of another device compiles, and computes something else. */
#define WAVE WAVE_INTEL
#define WAVE_ATTRIBUTES __attribute__((intel_reqd_sub_group_size(WAVE)))

/* Rows 0 to 7 and 8 to 15 of column `lane`, and where there are 8 lanes, of column lane + 8. */
typedef struct sums_fragment {
    float8 low, high;
#if WAVE == 8
    float8 low8, high8;
#endif
} sums_fragment;

/* Of src a lane has a pair of each row, or where there are 16 lanes, a single number of it; of weights, all pairs of its column. */
#if WAVE == 8
#define SRC_WORD(from, lane, i) (((__local const uint *)((from) + (i)*ROW))[lane])
typedef uint8 src_rows;
#else
#define SRC_WORD(from, lane, i) ((from)[(i)*ROW + (lane)])
typedef ushort8 src_rows;
#endif
#define WEIGHTS_AT(lane, column) (((lane) + (column)) * ROW)

#ifdef WAVE_PLAIN

static uint src_word(__local const real *from, int lane, int i)
{
    return SRC_WORD(from, lane, i);
}

/* Columns of 8 words: of the second one the lane's words 8 to 15. */
static uint weights_word(__local const real *from, int lane, int i)
{
    return ((__local const uint *)(from + WEIGHTS_AT(lane, i / 8 * 8)))[i % 8];
}

#else

typedef struct src_fragment {
    src_rows low, high;
} src_fragment;

typedef struct weights_fragment {
    uint8 low;
#if WAVE == 8
    uint8 high;
#endif
} weights_fragment;

/* Words of all lanes side by side, then those of the next row: a block read, as rows lie close. A compiler declares it only where it was
 * told of the extension by a macro. */
#if WAVE == 8
uint8 __attribute__((overloadable)) intel_sub_group_block_read8(const __local uint *from);
#define LOAD_ROWS(from) intel_sub_group_block_read8((__local const uint *)(from))
#else
ushort8 __attribute__((overloadable)) intel_sub_group_block_read_us8(const __local ushort *from);
#define LOAD_ROWS(from) intel_sub_group_block_read_us8(from)
#endif

static src_fragment load_src_fragment(__local const real *from, int lane)
{
    return (src_fragment){LOAD_ROWS(from), LOAD_ROWS(from + 8 * ROW)};
}

static uint8 load_column(__local const real *from)
{
    __local const uint4 *column = (__local const uint4 *)from;
    return (uint8)(column[0], column[1]);
}

static weights_fragment load_weights_fragment(__local const real *from, int lane)
{
    weights_fragment w;
    w.low = load_column(from + WEIGHTS_AT(lane, 0));
#if WAVE == 8
    w.high = load_column(from + WEIGHTS_AT(lane, 8));
#endif
    return w;
}

#if DATA == F16
#define MULTIPLY intel_sub_group_f16_f16_matrix_mad_k16
#else
#define MULTIPLY intel_sub_group_bf16_bf16_matrix_mad_k16
#endif
#if WAVE == 8
typedef int8 rows;
#define AS_ROWS as_int8
#else
typedef short8 rows;
#define AS_ROWS as_short8
#endif

/* Declared for the same reason. */
float8 __attribute__((overloadable)) MULTIPLY(rows src, int8 weights, float8 sums);

static void multiply_add(sums_fragment *sums, src_fragment src, weights_fragment weights)
{
    sums->low = MULTIPLY(AS_ROWS(src.low), as_int8(weights.low), sums->low);
    sums->high = MULTIPLY(AS_ROWS(src.high), as_int8(weights.low), sums->high);
#if WAVE == 8
    sums->low8 = MULTIPLY(AS_ROWS(src.low), as_int8(weights.high), sums->low8);
    sums->high8 = MULTIPLY(AS_ROWS(src.high), as_int8(weights.high), sums->high8);
#endif
}

#endif

/* Eight rows of a column. */
static void keep_column(float8 s, __local float *to)
{
    to[0] = s.s0;
    to[SUMS_ROW] = s.s1;
    to[2 * SUMS_ROW] = s.s2;
    to[3 * SUMS_ROW] = s.s3;
    to[4 * SUMS_ROW] = s.s4;
    to[5 * SUMS_ROW] = s.s5;
    to[6 * SUMS_ROW] = s.s6;
    to[7 * SUMS_ROW] = s.s7;
}

static void keep_sums(const sums_fragment *sums, __local float *to, int lane)
{
    keep_column(sums->low, to + lane);
    keep_column(sums->high, to + 8 * SUMS_ROW + lane);
#if WAVE == 8
    keep_column(sums->low8, to + lane + 8);
    keep_column(sums->high8, to + 8 * SUMS_ROW + lane + 8);
#endif
}
