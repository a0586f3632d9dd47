/* conv_grad_sum.cl - gradients of a convolution by weights and bias on GPUs, from the sums of parts of the pixels, and of all. */
#include "common.cl"
#include "conv.cl"
#include "conv_grad_cut.cl"
#include "entries.cl"

/* Number i of K * columns: an item writes the taps of a channel k and a column, which lie side by side. */
static inline void sum_splits(__global const acc *restrict partial, __global param *restrict diff_weights, size_t i,
                              int K, const struct group_grad *g)
{
    const size_t product = (size_t)K * g->stride;
    if (i >= (size_t)K * g->columns) return;
    partial += i / g->columns * g->stride + i % g->columns;
    for (int tap = 0; tap < g->taps; tap++) {
        acc sum = partial[tap * product];
        for (int split = 1; split < g->splits; split++) sum += partial[((size_t)split * g->taps + tap) * product];
        diff_weights[i * g->taps + tap] = sum;
    }
}

/* diff_weights from the splits. Work-items: one per channel k and column; groups of WG. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_grad_sum(__global const acc *restrict partial, ulong partial_at, __global param *restrict diff_weights,
              ulong diff_weights_at, int K, const struct group_grad g)
{
    sum_splits(partial + partial_at, diff_weights + diff_weights_at, get_global_id(0), K, &g);
}

/* One of many; the same fields as sum_entry in backends/opencl/sums.c. */
struct sum_entry {
    ulong first;                 /* work-group */
    ulong partial, diff_weights; /* where they begin */
    struct group_grad cut;
    int K;
};

/* The same for many convolutions, each in whole groups of WG. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_grad_sums(__global const acc *restrict partial, ulong partial_at, __global param *restrict diff_weights,
               ulong diff_weights_at, __global const struct sum_entry *list, ulong list_at, int count)
{
    const struct sum_entry s = list[find_entry(&list->first, sizeof *list, count)];
    sum_splits(partial + partial_at + s.partial, diff_weights + diff_weights_at + s.diff_weights, entry_item(s.first), s.K,
               &s.cut);
}

/* diff_bias[k] = sum over n, p, q of diff_dst. Work-items: WG per four channels, groups of WG, whose sums are added up as a tree. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_grad_bias(__global const real *restrict diff_dst, ulong diff_dst_at, __global param *restrict diff_bias,
               ulong diff_bias_at, const struct conv_dims d)
{
    __local vec parts[WG];
    const int item = get_local_id(0), k = get_group_id(0) * 4, plane = d.P * d.Q, blocks = CEIL_DIV(d.K, B);
    vec sum = (vec)0.0f;
    for (int n = 0; n < d.N; n++)
        for (int i = item; i < plane; i += WG)
            sum += load_aligned(diff_dst + diff_dst_at + ((size_t)(n * blocks + k / B) * plane + i) * B + k % B);
    parts[item] = sum;
    for (int half_ = WG / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < half_) parts[item] += parts[item + half_];
    }
    if (item == 0) store_params(parts[0], diff_bias + diff_bias_at, k, d.K);
}
