/* conv_grad.cl - what the gradients of a convolution by its weights share: sums of parts of the pixels, and what adds them up.
 *
 * A part is a tile of weights, MC channels c (or with PLAIN_SRC neighbours in a row of taps) times KB*V channels k, summed
 * over a split of the pixels, as computed (acc): partial[split][k group][part][tap][MC][KB*V].
 */
#include "common.cl"
#include "conv.cl"

/* How the work is cut; the same fields as grad_cut in backends/opencl/conv_grad.h. */
struct grad_cut {
    int taps;         /* tiles of a part: R*S, or with PLAIN_SRC R * ceil(S*C/MC) */
    int chunk, rows;  /* per chunk and per split; rows (n,p), or Winograd's tiles */
    int splits;       /* how many */
    int pad_h, pad_w; /* PLAIN_SRC: size of the padded copy's images */
};

/* Work-items: (parts, k groups), groups of 1. An item adds up its tiles, and writes its channels k one after the other:
 * along each of them its weights are neighbours. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_grad_reduce(__global acc *restrict partial_, ulong partial_at, __global param *restrict diff_weights,
                 ulong diff_weights_at, const struct conv_dims d, const struct grad_cut cut)
{
    const int part = get_global_id(0), group = get_global_id(1), tile = MC * KB * V;
    const size_t items = get_global_size(0) * get_global_size(1), size = (size_t)cut.taps * (MC * KB);
    __global vec *sum = (__global vec *)(partial_ + partial_at) + (group * get_global_size(0) + part) * size;
    __global const acc *sums = (__global const acc *)sum;

    for (int split = 1; split < cut.splits; split++)
        for (size_t i = 0; i < size; i++) sum[i] += sum[split * items * size + i];
    diff_weights += diff_weights_at;
    for (int lane = 0; lane < min(KB * V, d.K - group * KB * V); lane++) {
        __global param *to = diff_weights + (size_t)(group * KB * V + lane) * d.C * d.R * d.S;
#ifdef PLAIN_SRC
        const int parts = CEIL_DIV(d.S * d.C, MC);
        for (int r = 0; r < d.R; r++)
            for (int i = 0; i < d.S * d.C; i++)
                to[(i % d.C * d.R + r) * d.S + i / d.C] =
                    sums[(size_t)(r * parts + i / MC) * tile + i % MC * (KB * V) + lane];
#else
        for (int m = 0; m < min(MC, d.C - part * MC); m++)
            for (int tap = 0; tap < cut.taps; tap++)
                to[(part * MC + m) * cut.taps + tap] = sums[(size_t)tap * tile + m * (KB * V) + lane];
#endif
    }
}

/* diff_bias[k] = sum over n, p, q of diff_dst. Work-items: one per V channels of K, groups of 1. Images are summed one by one, as
 * long sums lose more. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_grad_bias(__global const real *restrict diff_dst, ulong diff_dst_at, __global param *restrict diff_bias,
               ulong diff_bias_at, const struct conv_dims d)
{
    const int k = get_global_id(0), plane = d.P * d.Q;
    vec sum = (vec)0.0f;

    for (int n = 0; n < d.N; n++) {
        __global const reals *y =
            (__global const reals *)(diff_dst + diff_dst_at) + vector_at(B, n, k, d.K, plane);
        vec image = (vec)0.0f;
        for (int i = 0; i < plane; i++) image += load_reals(y + (size_t)i * (B / V));
        sum += image;
    }
    acc lanes[V];
    STORE(sum, lanes);
    for (int lane = 0; lane < min(V, d.K - k * V); lane++) diff_bias[diff_bias_at + k * V + lane] = lanes[lane];
}
