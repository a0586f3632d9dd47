/* linear_grad.cl - both gradients of dst (N,K) = src (N,C) x weights (K,C) transposed: a sum of rows of C elements,
 *     to (rows, C) = sum over i of diff_dst[row * row_step + i * step] * from (n, C)
 * diff_src: rows N, from = weights, n = K; diff_weights: rows K, from = src, n = N, and diff_bias = the sum of diff_dst.
 * Work-items: (ceil(C / V), ceil(rows / ROWS)), groups of (WG, 1); one item makes V columns of ROWS rows.
 * Memory per item: n vectors of `from`, ROWS * n elements of diff_dst. */
#include "common.cl"

/* Where ROWS rows of diff_dst begin; those past the end are the last one again. */
static inline void find_rows(__global const param *rows[ROWS], __global const param *diff_dst, int first, int count,
                             int row_step)
{
#pragma unroll
    for (int r = 0; r < ROWS; r++) rows[r] = diff_dst + (size_t)min(first + r, count - 1) * row_step;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
linear_grad_src(__global const param *diff_dst, ulong diff_dst_at, __global const param *weights, ulong weights_at,
                __global real *diff_src, ulong diff_src_at, int rows, int C, int n, int row_step, int step)
{
    const int c = get_global_id(0) * V, first = get_global_id(1) * ROWS;
    if (c >= C) return;
    __global const param *diff[ROWS];
    vec sums[ROWS];
    find_rows(diff, diff_dst + diff_dst_at, first, rows, row_step);
#pragma unroll
    for (int r = 0; r < ROWS; r++) sums[r] = (vec)0.0f;
    weights += weights_at;
    for (int i = 0; i < n; i++, weights += C) {
        const vec x = load_params(weights, c, C);
#pragma unroll
        for (int r = 0; r < ROWS; r++) sums[r] = fma((vec)diff[r][(size_t)i * step], x, sums[r]);
    }
    diff_src += diff_src_at + (size_t)first * C;
#pragma unroll
    for (int r = 0; r < ROWS; r++)
        if (first + r < rows) store_channels(sums[r], diff_src + (size_t)r * C, c, C);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
linear_grad_weights(__global const param *diff_dst, ulong diff_dst_at, __global const real *src, ulong src_at,
                    __global param *diff_weights, ulong diff_weights_at, __global param *diff_bias, ulong diff_bias_at,
                    int rows, int C, int n, int row_step, int step, int flags)
{
    const int c = get_global_id(0) * V, first = get_global_id(1) * ROWS;
    if (c >= C) return;
    __global const param *diff[ROWS];
    vec sums[ROWS];
    acc biases[ROWS];
    find_rows(diff, diff_dst + diff_dst_at, first, rows, row_step);
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        sums[r] = (vec)0.0f;
        biases[r] = 0.0f;
    }
    src += src_at;
    for (int i = 0; i < n; i++, src += C) {
        const vec x = load_channels(src, c, C);
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const acc factor = diff[r][(size_t)i * step];
            sums[r] = fma((vec)factor, x, sums[r]);
            biases[r] += factor;
        }
    }
    diff_weights += diff_weights_at + (size_t)first * C;
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        if (first + r < rows) {
            store_params(sums[r], diff_weights + (size_t)r * C, c, C);
            if (flags & WITH_BIAS && c == 0) diff_bias[diff_bias_at + first + r] = biases[r];
        }
    }
}
