/* matmul.cl - dst (B,M,N) = a (B,M,K) x b (B,K,N); a_step, b_step: elements from one matrix of a or b to the next, 0: there is one
 * matrix, which serves all.
 * Work-items: (ceil(N / V), ceil(M / ROWS), B): each does ROWS rows and V columns, its sums in registers. Memory per item: ROWS rows
 * of a, V columns of b. Build options: ROWS. */
#include "common.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void matmul(__global const real *a, ulong a_at,
                                                                     __global const real *b, ulong b_at,
                                                                     __global real *dst, ulong dst_at, ulong a_step,
                                                                     ulong b_step, int M, int N, int K)
{
    const int n = get_global_id(0) * V, m = get_global_id(1) * ROWS;
    const ulong matrix = get_global_id(2);
    vec sums[ROWS];
    if (n >= N) return;
    a += a_at + matrix * a_step;
    b += b_at + matrix * b_step;
    dst += dst_at + (matrix * M + m) * N;
    for (int row = 0; row < ROWS; row++) sums[row] = (vec)0.0f;
    for (int k = 0; k < K; k++) {
        const vec column = load_channels(b + (ulong)k * N, n, N);
        for (int row = 0; row < ROWS; row++) /* rows past the end compute the last one again */
            sums[row] = fma((vec)load(a, (ulong)min(m + row, M - 1) * K + k), column, sums[row]);
    }
    for (int row = 0; row < ROWS && m + row < M; row++) store_channels(sums[row], dst + (ulong)row * N, n, N);
}
