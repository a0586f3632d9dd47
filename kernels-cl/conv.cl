/* conv.cl - sizes of a convolution, as every algorithm's kernels take them; the same fields as conv_dims in
 * backends/opencl/conv.h. */
struct conv_dims {
    int N, C, H, W, K, P, Q, R, S;
    int stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, groups, flags;
};

enum { WITH_MASK = 256 }; /* OCL_CONV_MASK */

/* Where vector number k of V channels of image n begins, in vectors, in a tensor of C channels in blocks of `block`. Its pixels are
 * block / V vectors apart. */
static inline long vector_at(int block, int n, int k, int C, long plane)
{
    const int parts = block / V;
    return ((long)n * CEIL_DIV(C, block) + k / parts) * plane * parts + k % parts;
}

/* How a kernel that packs weights finds them; the same fields as conv_view in backends/opencl/conv_phase.h. */
struct conv_view {
    long first, step_k, step_c, step_r, step_s;
};

/* The weights (k, c, r, s) of channels k to k + V - 1, rounded to the type of data; 0 from K on. */
static inline vec load_weights(__global const param *weights, const struct conv_view *v, int k, int K, int c, int r,
                               int s)
{
    __global const param *from = weights + v->first + k * v->step_k + c * v->step_c + r * v->step_r + s * v->step_s;
    acc lanes[V];
    for (int i = 0; i < V; i++) lanes[i] = k + i < K ? rounded(from[i * v->step_k]) : 0.0f;
    return LOAD(lanes);
}

enum { PACK_CHANNELS = 16 }; /* that an item packs: of each output channel, they are neighbours */

/* Where the pixels (p, q) lie in dst; the same fields as conv_place in backends/opencl/conv_phase.h. */
struct conv_place {
    int first_h, first_w, step_h, step_w, H, W;
};

static inline long pixel_at(const struct conv_place *at, int p, int q)
{
    return (long)(at->first_h + p * at->step_h) * at->W + at->first_w + q * at->step_w;
}
