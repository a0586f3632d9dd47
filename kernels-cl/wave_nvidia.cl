/* wave_nvidia.cl - fragments in the registers of a warp, for mma.sync of PTX: two of its matrices of 8 columns are one of 16. ldmatrix
 * brings four matrices of 8 rows of 8 numbers (16 bytes) into four registers: lane l says where row l % 8 of matrix l / 8 lies, and gets
 * the pair l % 4 of row l / 4 of each. */
#define WAVE 32
#define WAVE_ATTRIBUTES

typedef struct sums_fragment {
    float8 s; /* of columns 0 to 7, then of 8 to 15 */
} sums_fragment;

/* Where the row lies that a lane names: matrices are rows 0 and 8 of the first 8 channels, then of the others; of weights the channels go
 * first. */
static int src_row_at(int lane)
{
    return lane % 16 * ROW + lane / 16 * 8;
}

static int weights_row_at(int lane)
{
    return (lane / 16 * 8 + lane % 8) * ROW + lane / 8 % 2 * 8;
}

#ifdef WAVE_PLAIN

static uint src_word(__local const real *from, int lane, int i)
{
    return ((__local const uint *)(from + src_row_at(8 * i + lane / 4)))[lane % 4];
}

static uint weights_word(__local const real *from, int lane, int i)
{
    return ((__local const uint *)(from + weights_row_at(8 * i + lane / 4)))[lane % 4];
}

#else

typedef uint4 src_fragment, weights_fragment;

static uint4 load_matrices(__local const real *row)
{
    uint4 r;
    __asm__ volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r.s0), "=r"(r.s1), "=r"(r.s2), "=r"(r.s3)
                     : "r"((uint)(size_t)row)
                     : "memory");
    return r;
}

static src_fragment load_src_fragment(__local const real *from, int lane)
{
    return load_matrices(from + src_row_at(lane));
}

static weights_fragment load_weights_fragment(__local const real *from, int lane)
{
    return load_matrices(from + weights_row_at(lane));
}

#if DATA == F16
#define TYPES "f32.f16.f16.f32"
#else
#define TYPES "f32.bf16.bf16.f32"
#endif

/* Eight columns. */
static float4 multiply_eight(float4 s, uint4 a, uint2 b)
{
#if WAVE_NVIDIA == 16
    __asm__ volatile("mma.sync.aligned.m16n8k16.row.col." TYPES " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(s.s0), "+f"(s.s1), "+f"(s.s2), "+f"(s.s3)
                     : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "r"(b.s0), "r"(b.s1));
#else
    __asm__ volatile("mma.sync.aligned.m16n8k8.row.col." TYPES " {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                     : "+f"(s.s0), "+f"(s.s1), "+f"(s.s2), "+f"(s.s3)
                     : "r"(a.s0), "r"(a.s1), "r"(b.s0));
    __asm__ volatile("mma.sync.aligned.m16n8k8.row.col." TYPES " {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                     : "+f"(s.s0), "+f"(s.s1), "+f"(s.s2), "+f"(s.s3)
                     : "r"(a.s2), "r"(a.s3), "r"(b.s1));
#endif
    return s;
}

static void multiply_add(sums_fragment *sums, src_fragment src, weights_fragment weights)
{
    sums->s.lo = multiply_eight(sums->s.lo, src, weights.lo);
    sums->s.hi = multiply_eight(sums->s.hi, src, weights.hi);
}

#endif

/* A lane has neighbours of row lane / 4 and of the eighth behind. */
static void keep_sums(const sums_fragment *sums, __local float *to, int lane)
{
    __local float *row = to + lane / 4 * SUMS_ROW + lane % 4 * 2;
    *(__local float2 *)row = sums->s.s01;
    *(__local float2 *)(row + 8 * SUMS_ROW) = sums->s.s23;
    *(__local float2 *)(row + 8) = sums->s.s45;
    *(__local float2 *)(row + 8 * SUMS_ROW + 8) = sums->s.s67;
}
