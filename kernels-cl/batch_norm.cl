/* batch_norm.cl - dst = (src - mean) / sqrt(variance + epsilon) * scale + shift, optionally + residual and through ReLU.
 * Geometry: see channels.cl. Reads src and residual once and four parameters of V channels an item, writes dst once; in place is allowed. */
#include "channels.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
batch_norm(__global const float *src, ulong src_at, __global const float *scale, ulong scale_at,
           __global const float *shift, ulong shift_at, __global const float *mean, ulong mean_at,
           __global const float *variance, ulong variance_at, __global const float *residual, ulong residual_at,
           __global float *dst, ulong dst_at, const struct channel_dims d, int flags, float epsilon)
{
    const int c = item_channel();
    const vec deviation = sqrt(load_channels(variance + variance_at, c, d.C) + epsilon);
    const vec gain = load_channels(scale + scale_at, c, d.C) / deviation;
    const vec centre = load_channels(mean + mean_at, c, d.C), offset = load_channels(shift + shift_at, c, d.C);
    const vec floor = flags & WITH_RELU ? (vec)0.0f : (vec)-INFINITY;
    struct walk w;
    walk_slice(&w, &d);
    src += src_at;
    residual += residual_at;
    dst += dst_at;
    while (w.left > 0) {
        const size_t at = walk_on(&w, &d);
        vec x = fma(AT(src + at) - centre, gain, offset);
        if (flags & WITH_RESIDUAL) x += AT(residual + at);
        AT(dst + at) = clear_tail(at_least(x, floor), c, d.C);
    }
}
