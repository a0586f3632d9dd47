/* batch_norm.cl - dst = (src - mean) / sqrt(variance + epsilon) * scale + shift, optionally + residual and through ReLU.
 * Geometry: see channels.cl. Reads src and residual once and four parameters of V channels an item, writes dst once; in place is allowed. */
#include "channels.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
batch_norm(__global const real *src, ulong src_at, __global const param *scale, ulong scale_at,
           __global const param *shift, ulong shift_at, __global const param *mean, ulong mean_at,
           __global const param *variance, ulong variance_at, __global const real *residual, ulong residual_at,
           __global real *dst, ulong dst_at, const struct channel_dims d, int flags, float epsilon)
{
    const int c = item_channel();
    const vec deviation = sqrt(load_params(variance + variance_at, c, d.C) + epsilon);
    const vec gain = load_params(scale + scale_at, c, d.C) / deviation;
    const vec centre = load_params(mean + mean_at, c, d.C), offset = load_params(shift + shift_at, c, d.C);
    norm_slice(src + src_at, residual + residual_at, dst + dst_at, centre, gain, offset, &d, flags);
}
