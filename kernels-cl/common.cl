/* common.cl - what every kernel uses: the types of values, vectors of V of them and channel-blocked indices.
 *
 * Build options: B channels in a block of the tensors (1: plain NCHW), V lanes that one work-item handles at once
 * (1, 2, 4, 8 or 16; divides B where a kernel walks blocks), WG work-items in a work-group.
 * Every tensor argument is a pair: the buffer, and the offset of the first element in it.
 */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

/* `real` is how an element of a data tensor is stored, `acc` how it is computed and summed. `param` is an element of what stays in
 * float32 whatever `real` is: biases, batch-norm parameters and statistics, labels, losses. Only the functions below convert between
 * `real` and `acc`: kernels read and write data tensors through them. */
#ifndef REAL
#define REAL float
#endif
typedef REAL real;
typedef float acc;
typedef float param;

/* vec: V computed values; reals: V stored elements side by side, at a multiple of their size. LOAD and STORE are for V
 * neighbours of acc or param. */
#if V == 1
typedef acc vec;
typedef real reals;
typedef int ivec;
#define IOTA 0
#define LOAD(p) (*(p))
#define STORE(x, p) (*(p) = (x))
#else
typedef JOIN(float, V) vec;
typedef JOIN(REAL, V) reals;
typedef JOIN(int, V) ivec;
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

enum { WITH_BIAS = 1, WITH_RESIDUAL = 2, WITH_RELU = 4 }; /* SHUNT_FLAG_* */

/* ---- Elements in memory ---- */

static inline acc load(__global const real *p, size_t i)
{
    return p[i];
}

static inline void store(acc x, __global real *p, size_t i)
{
    p[i] = x;
}

/* V neighbours anywhere. */
#define load_vec(p) LOAD(p)
#define store_vec(x, p) STORE(x, p)

/* V neighbours at a multiple of their size, as all vectors of a blocked tensor are; PoCL 3.1 splits vstore16 into four. */
static inline vec load_reals(__global const reals *p)
{
    return *p;
}

static inline void store_reals(vec x, __global reals *p)
{
    *p = x;
}

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
