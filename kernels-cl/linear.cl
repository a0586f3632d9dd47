/* linear.cl - dst (N,K) = src (N,C) x weights (K,C) transposed + bias, optionally through ReLU.
 *
 * Work-items: (K * WG, ceil(N / ROWS)), groups of (WG, 1): a group computes column k of ROWS rows of dst. Its items
 * share the sum over C in steps of V and add up their parts as a tree, in a fixed order; WG = 1 suits a CPU.
 * Memory per group: one row of weights once, ROWS rows of src; local WG * ROWS floats where WG > 1. Weights are of the type of src:
 * linear_pack rounds them to 16 bits. */
#include "common.cl"

static acc sum_lanes(vec x)
{
    acc lanes[V], sum = 0.0f;
    STORE(x, lanes);
    for (int i = 0; i < V; i++) sum += lanes[i];
    return sum;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
linear(__global const real *src, ulong src_at, __global const real *weights, ulong weights_at,
       __global const param *bias, ulong bias_at, __global param *dst, ulong dst_at, int N, int C, int K, int flags)
{
    const int k = get_group_id(0), first = get_group_id(1) * ROWS, item = get_local_id(0);
    const int whole = C / V * V;
    weights += weights_at + (size_t)k * C;
    __global const real *row[ROWS];
    vec sums[ROWS];
    acc part[ROWS];
    for (int n = 0; n < ROWS; n++) {
        row[n] = src + src_at + (size_t)min(first + n, N - 1) * C;
        sums[n] = (vec)0.0f;
    }
    for (int c = item * V; c < whole; c += WG * V) {
        const vec w = load_vec(weights + c);
        for (int n = 0; n < ROWS; n++) sums[n] = fma(load_vec(row[n] + c), w, sums[n]);
    }
    for (int n = 0; n < ROWS; n++) part[n] = sum_lanes(sums[n]);
    for (int c = whole + item; c < C; c += WG)
        for (int n = 0; n < ROWS; n++) part[n] = fma(load(row[n], c), load(weights, c), part[n]);

#if WG > 1
    __local acc parts[WG][ROWS];
    for (int n = 0; n < ROWS; n++) parts[item][n] = part[n];
    for (int stride_ = WG / 2; stride_ > 0; stride_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < stride_)
            for (int n = 0; n < ROWS; n++) parts[item][n] += parts[item + stride_][n];
    }
    if (item > 0) return;
    for (int n = 0; n < ROWS; n++) part[n] = parts[0][n];
#endif
    for (int n = 0; n < ROWS && first + n < N; n++) {
        acc x = part[n] + (flags & WITH_BIAS ? bias[bias_at + k] : 0.0f);
        if (flags & WITH_RELU && x < 0.0f) x = 0.0f;
        dst[dst_at + (size_t)(first + n) * K + k] = x;
    }
}

#ifdef DATA /* 16 bits; weights of float32 are used as they are */
/* Work-items: one per weight; groups of WG. */
__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void linear_pack(__global const param *weights,
                                                                          ulong weights_at, __global real *packed,
                                                                          ulong packed_at, ulong count)
{
    const size_t i = get_global_id(0);
    if (i < count) store(weights[weights_at + i], packed, packed_at + i);
}
#endif
