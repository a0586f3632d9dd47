/* shortcut.cl - the paper's option A: dst (N,K,P,Q) takes every stride-th row and column of src (N,C,H,W), with `lead`
 * zero channels before and zeros after.
 * Work-items: one per vector of V channels of dst, in the order of its memory; groups of WG. Reads at most V elements. */
#include "common.cl"

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void shortcut(__global const float *src, ulong src_at, __global float *dst, ulong dst_at, ulong vectors, int C,
                       int H, int W, int K, int P, int Q, int stride, int lead)
{
    const size_t i = get_global_id(0);
    if (i >= vectors) return;
    const struct place at = place_of(i, K, P, Q);
    float lanes[V];
    for (int lane = 0; lane < V; lane++) {
        const int c = at.c + lane - lead;
        lanes[lane] = c < 0 || c >= C ? 0.0f : src[src_at + blocked(B, at.n, c, C, H, W, at.h * stride, at.w * stride)];
    }
    STORE(LOAD(lanes), dst + dst_at + i * V);
}
