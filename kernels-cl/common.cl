/* common.cl - what every kernel uses: the types of values, vectors of V of them and channel-blocked indices.
 *
 * Build options: B channels in a block of the tensors (1: plain NCHW), V lanes that one work-item handles at once
 * (1, 2, 4, 8 or 16; divides B where a kernel walks blocks), WG work-items in a work-group; DATA, where data tensors are stored in
 * 16 bits: their type, SHUNT_F16 or SHUNT_BF16.
 * Every tensor argument is a pair: the buffer, and the offset of the first element in it. By the pointer's type embed.py finds the
 * arguments that are data tensors.
 */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#if V == 1
#define LANES(name) name
#else
#define LANES(name) JOIN(name, V)
#endif

#define F16 4
#define BF16 5

/* `real` is how an element of a data tensor is stored, `acc` how it is computed and summed. `param` is an element of what stays in
 * float32 whatever `real` is: weights before they are packed, biases, batch-norm parameters and statistics, labels, losses. Only
 * the functions below convert between `real` and `acc`: kernels read and write data tensors through them. */
#ifdef DATA
#define REAL ushort
#else
#define REAL float
#endif
typedef REAL real;
typedef float acc;
typedef float param;

/* vec: V computed values; reals: V stored elements side by side, at a multiple of their size. LOAD and STORE are for V
 * neighbours of acc or param. */
typedef LANES(float) vec;
typedef LANES(REAL) reals;
typedef LANES(int) ivec;
#if V == 1
#define IOTA 0
#define LOAD(p) (*(p))
#define STORE(x, p) (*(p) = (x))
#else
#define LOAD(p) JOIN(vload, V)(0, p)
#define STORE(x, p) JOIN(vstore, V)(x, 0, p)
#endif
#if V == 2
#define IOTA ((int2)(0, 1))
#elif V == 4
#define IOTA ((int4)(0, 1, 2, 3))
#elif V == 8
#define IOTA ((int8)(0, 1, 2, 3, 4, 5, 6, 7))
#elif V == 16
#define IOTA ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#endif

#define CEIL_DIV(a, b) (((a) + (b)-1) / (b))

/* A number for each of up to eight axes. No long8: clang warns of passing one where registers are shorter. */
struct longs {
    long axis[8];
};

enum { WITH_BIAS = 1, WITH_RESIDUAL = 2, WITH_RELU = 4 }; /* SHUNT_FLAG_* */

/* ---- Elements in memory ---- */

/* One. A store rounds to nearest, ties to even. */
#if DATA == F16

/* PoCL computes the conversion of a single number bit by bit; its compiler knows the instruction. */
#ifdef __F16C__
#define LOAD_HALF(p, i) __builtin_load_halff((p) + (i))
#define STORE_HALF(x, p, i) __builtin_store_halff(x, (p) + (i))
#else
#define LOAD_HALF(p, i) vload_half(i, p)
#define STORE_HALF(x, p, i) vstore_half_rte(x, i, p)
#endif

static inline acc load(__global const real *p, size_t i)
{
    return LOAD_HALF((__global const half *)p, i);
}

static inline void store(acc x, __global real *p, size_t i)
{
    STORE_HALF(x, (__global half *)p, i);
}

#elif DATA == BF16

static inline acc load(__global const real *p, size_t i)
{
    return as_float((uint)p[i] << 16);
}

/* The upper half, rounded; a NaN stays one. */
static inline void store(acc x, __global real *p, size_t i)
{
    const uint bits = as_uint(x);
    p[i] = x == x ? (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16) : 0x7fc0;
}

#else

static inline acc load(__global const real *p, size_t i)
{
    return p[i];
}

static inline void store(acc x, __global real *p, size_t i)
{
    p[i] = x;
}

#endif

/* load_vec, store_vec: V neighbours anywhere. load_reals, store_reals: V neighbours at a multiple of their size, as all vectors of a
 * blocked tensor are; PoCL 3.1 splits vstore16 into four. */
#if V == 1

static inline vec load_vec(__global const real *p)
{
    return load(p, 0);
}

static inline void store_vec(vec x, __global real *p)
{
    store(x, p, 0);
}

static inline vec load_reals(__global const reals *p)
{
    return load(p, 0);
}

static inline void store_reals(vec x, __global reals *p)
{
    store(x, p, 0);
}

#elif DATA == F16

static inline vec load_vec(__global const real *p)
{
    return LANES(vload_half)(0, (__global const half *)p);
}

static inline void store_vec(vec x, __global real *p)
{
    JOIN(LANES(vstore_half), _rte)(x, 0, (__global half *)p);
}

static inline vec load_reals(__global const reals *p)
{
    return LANES(vloada_half)(0, (__global const half *)p);
}

static inline void store_reals(vec x, __global reals *p)
{
    JOIN(LANES(vstorea_half), _rte)(x, 0, (__global half *)p);
}

#elif DATA == BF16

static inline vec widen(reals x)
{
    return LANES(as_float)(LANES(convert_uint)(x) << 16);
}

static inline reals narrow(vec x)
{
    const LANES(uint) bits = LANES(as_uint)(x), rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return LANES(convert_ushort)(select((LANES(uint))0x7fc0, rounded, x == x));
}

static inline vec load_vec(__global const real *p)
{
    return widen(LOAD(p));
}

static inline void store_vec(vec x, __global real *p)
{
    STORE(narrow(x), p);
}

static inline vec load_reals(__global const reals *p)
{
    return widen(*p);
}

static inline void store_reals(vec x, __global reals *p)
{
    *p = narrow(x);
}

#else

static inline vec load_vec(__global const real *p)
{
    return LOAD(p);
}

static inline void store_vec(vec x, __global real *p)
{
    STORE(x, p);
}

static inline vec load_reals(__global const reals *p)
{
    return *p;
}

static inline void store_reals(vec x, __global reals *p)
{
    *p = x;
}

#endif

#ifdef DATA
/* What becomes of x when it is stored. */
static inline acc rounded(acc x)
{
#if DATA == F16
    ushort stored;
    vstore_half_rte(x, 0, (half *)&stored);
    return vload_half(0, (const half *)&stored);
#else
    const uint bits = as_uint(x);
    return x == x ? as_float((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000) : x;
#endif
}
#else
static inline acc rounded(acc x)
{
    return x;
}
#endif

static inline vec load_aligned(__global const real *p)
{
    return load_reals((__global const reals *)p);
}

static inline void store_aligned(vec x, __global real *p)
{
    store_reals(x, (__global reals *)p);
}

/* ---- Arithmetic ---- */

/* max(x, floor) that keeps a NaN of x, which fmax would hide. */
static inline vec at_least(vec x, vec floor)
{
    return select(x, floor, x < floor);
}

static inline vec relu(vec x)
{
    return at_least(x, (vec)0.0f);
}

/* x where mask is above 0, else 0. */
static inline vec masked(vec x, vec mask)
{
    return select((vec)0.0f, x, mask > (vec)0.0f);
}

/* Lanes whose channel c + lane is not below C become zero. */
static inline vec clear_tail(vec x, int c, int C)
{
    return c + V <= C ? x : select(x, (vec)0.0f, (ivec)c + IOTA >= (ivec)C);
}

/* ---- Channels c .. c + V - 1 of C neighbours ---- */

/* Lanes past the end are zero. */
static inline vec load_channels(__global const real *from, int c, int C)
{
    acc lanes[V];
    if (c + V <= C) return load_vec(from + c);
    for (int i = 0; i < V; i++) lanes[i] = c + i < C ? load(from, c + i) : 0.0f;
    return LOAD(lanes);
}

static inline void store_channels(vec x, __global real *to, int c, int C)
{
    acc lanes[V];
    if (c + V <= C) {
        store_vec(x, to + c);
        return;
    }
    STORE(x, lanes);
    for (int i = 0; i < V && c + i < C; i++) store(lanes[i], to, c + i);
}

static inline vec load_params(__global const param *from, int c, int C)
{
    acc lanes[V];
    if (c + V <= C) return LOAD(from + c);
    for (int i = 0; i < V; i++) lanes[i] = c + i < C ? from[c + i] : 0.0f;
    return LOAD(lanes);
}

static inline void store_params(vec x, __global param *to, int c, int C)
{
    acc lanes[V];
    if (c + V <= C) {
        STORE(x, to + c);
        return;
    }
    STORE(x, lanes);
    for (int i = 0; i < V && c + i < C; i++) to[c + i] = lanes[i];
}

/* ---- Places ---- */

/* Index of element (n, c, h, w) of a tensor of C channels, blocks of `block`, planes of H * W. */
static inline size_t blocked(int block, int n, int c, int C, int H, int W, int h, int w)
{
    return ((((size_t)n * CEIL_DIV(C, block) + c / block) * H + h) * W + w) * block + c % block;
}

/* Where vector number i of a blocked tensor (N,C,H,W) lies: its image, first channel, row and column. Vector i is at
 * element i * V, so consecutive work-items touch consecutive memory. */
struct place {
    int n, c, h, w;
};
static inline struct place place_of(size_t i, int C, int H, int W)
{
    struct place at;
    const int part = i % (B / V);
    i /= B / V;
    at.w = i % W;
    i /= W;
    at.h = i % H;
    i /= H;
    at.c = i % CEIL_DIV(C, B) * B + part * V;
    at.n = i / CEIL_DIV(C, B);
    return at;
}

/* Piece number i of the rows of a tensor: `run` vectors side by side, or what is left of the row; at.w is the first. A GPU wants run = 1, so
 * that neighbours touch neighbouring memory; a CPU long runs, since finding the place costs divisions. */
static inline struct place piece_of(size_t i, int C, int H, int W, int run)
{
    struct place at = place_of(i, C, H, CEIL_DIV(W, run));
    at.w *= run;
    return at;
}
