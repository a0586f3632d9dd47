/* reorder.cl - dst = src (N,C,H,W) in another channel block: SB of src, B of dst.
 * Work-items: one per vector of V channels of dst, in the order of its memory; groups of WG. Reads at most V elements. */
#include "common.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
reorder(__global const real *src, ulong src_at, __global real *dst, ulong dst_at, ulong vectors, int C, int H, int W)
{
    const size_t i = get_global_id(0);
    if (i >= vectors) return;
    const struct place at = place_of(i, C, H, W);
    real lanes[V];
    for (int lane = 0; lane < V; lane++)
        lanes[lane] = at.c + lane < C ? src[src_at + blocked(SB, at.n, at.c + lane, C, H, W, at.h, at.w)] : 0;
    STORE(LOAD(lanes), dst + dst_at + i * V);
}
