/* batch_norm.cl - dst = (src - mean) / sqrt(variance + epsilon) * scale + shift, optionally through ReLU.
 * Work-items: one per vector of V channels of the blocked tensor (N,C,H,1), H all inner dims; groups of WG.
 * Reads src once and four parameters of V channels, writes dst once. */
#include "common.cl"

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void batch_norm(__global const float *src, ulong src_at, __global const float *scale, ulong scale_at,
                         __global const float *shift, ulong shift_at, __global const float *mean, ulong mean_at,
                         __global const float *variance, ulong variance_at, __global float *dst, ulong dst_at,
                         ulong vectors, int C, int H, int flags, float epsilon)
{
    const size_t i = get_global_id(0);
    if (i >= vectors) return;
    const struct place at = place_of(i, C, H, 1);
    const vec deviation = sqrt(load_channels(variance + variance_at, at.c, C) + epsilon);
    const vec centred = LOAD(src + src_at + i * V) - load_channels(mean + mean_at, at.c, C);
    vec x = centred / deviation * load_channels(scale + scale_at, at.c, C) + load_channels(shift + shift_at, at.c, C);
    if (flags & WITH_RELU) x = relu(x);
    STORE(clear_tail(x, at.c, C), dst + dst_at + i * V);
}
