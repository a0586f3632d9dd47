/* linear_grad.cl - both gradients of dst (N,K) = src (N,C) x weights (K,C) transposed: a sum of rows of C elements,
 *     to (rows, C) = sum over i of diff_dst[row * row_step + i * step] * from (n, C)
 * diff_src: rows N, from = weights, n = K; diff_weights: rows K, from = src, n = N, and diff_bias = the sum of diff_dst.
 * Work-items: (ceil(C / V), ceil(rows / ROWS)), groups of (WG, 1); one item makes V columns of ROWS rows.
 * Memory per item: n vectors of `from`, ROWS * n elements of diff_dst. */
#include "common.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
linear_grad(__global const real *diff_dst, ulong diff_dst_at, __global const real *from, ulong from_at,
            __global real *to, ulong to_at, __global param *diff_bias, ulong diff_bias_at, int rows, int C, int n,
            int row_step, int step, int flags)
{
    const int c = get_global_id(0) * V, first = get_global_id(1) * ROWS;
    if (c >= C) return;
    __global const real *diff[ROWS];
    vec sums[ROWS];
    acc biases[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        diff[r] = diff_dst + diff_dst_at + (size_t)min(first + r, rows - 1) * row_step;
        sums[r] = (vec)0.0f;
        biases[r] = 0.0f;
    }
    from += from_at;
    for (int i = 0; i < n; i++, from += C) {
        const vec x = load_channels(from, c, C);
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const acc factor = load(diff[r], (size_t)i * step);
            sums[r] = fma((vec)factor, x, sums[r]);
            biases[r] += factor;
        }
    }
    to += to_at + (size_t)first * C;
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        if (first + r < rows) {
            store_channels(sums[r], to + (size_t)r * C, c, C);
            if (flags & WITH_BIAS && c == 0) diff_bias[diff_bias_at + first + r] = biases[r];
        }
    }
}
