/* wave_amd.cl - fragments in the registers of a wave of 32 lanes of gfx11, for v_wmma_f32_16x16x16. A lane has a whole row of src and
 * a whole column of weights, which lane + 16 has, too. The compiler refuses this for waves of 64. */
#define WAVE 32
#define WAVE_ATTRIBUTES

typedef struct sums_fragment {
    float8 s; /* of column lane % 16: rows lane / 16, 2 + lane / 16, ... */
} sums_fragment;

static int row_at(int lane)
{
    return lane % 16 * ROW;
}

#ifdef WAVE_PLAIN

static uint src_word(__local const real *from, int lane, int i)
{
    return ((__local const uint *)(from + row_at(lane)))[i];
}

static uint weights_word(__local const real *from, int lane, int i)
{
    return ((__local const uint *)(from + row_at(lane)))[i];
}

#else

#if DATA == F16
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
typedef half16 src_fragment, weights_fragment;
#define MULTIPLY __builtin_amdgcn_wmma_f32_16x16x16_f16_w32
#define AS_FRAGMENT as_half16
#else
typedef short16 src_fragment, weights_fragment;
#define MULTIPLY __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32
#define AS_FRAGMENT as_short16
#endif

static src_fragment load_src_fragment(__local const real *from, int lane)
{
    __local const uint4 *row = (__local const uint4 *)(from + row_at(lane));
    return AS_FRAGMENT((uint8)(row[0], row[1]));
}

static weights_fragment load_weights_fragment(__local const real *from, int lane)
{
    return load_src_fragment(from, lane);
}

static void multiply_add(sums_fragment *sums, src_fragment src, weights_fragment weights)
{
    sums->s = MULTIPLY(src, weights, sums->s);
}

#endif

static void keep_sums(const sums_fragment *sums, __local float *to, int lane)
{
    to += lane / 16 * SUMS_ROW + lane % 16;
    to[0] = sums->s.s0;
    to[2 * SUMS_ROW] = sums->s.s1;
    to[4 * SUMS_ROW] = sums->s.s2;
    to[6 * SUMS_ROW] = sums->s.s3;
    to[8 * SUMS_ROW] = sums->s.s4;
    to[10 * SUMS_ROW] = sums->s.s5;
    to[12 * SUMS_ROW] = sums->s.s6;
    to[14 * SUMS_ROW] = sums->s.s7;
}
