/* batch_norm_train.cl - batch norm by the batch's own statistics: mean and variance of each channel of src, and
 * dst = (src - mean) / sqrt(variance + epsilon) * scale + shift, optionally + residual and through ReLU.
 *
 * statistics_slices of batch_statistics.cl leaves the moments of each slice; then each group of norm_slices merges those of its channels, in
 * the same order as statistics_merge, and those of the first slice write them.
 * Memory: src twice, residual and dst once; partial (slices, 2, C rounded up to B) written once and read once a slice. */
#include "batch_statistics.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
norm_slices(__global const real *src, ulong src_at, __global const param *scale, ulong scale_at,
            __global const param *shift, ulong shift_at, __global const real *residual, ulong residual_at,
            __global real *dst, ulong dst_at, __global param *mean, ulong mean_at, __global param *variance,
            ulong variance_at, __global acc *partial, ulong partial_begin, const struct channel_dims d, int flags,
            float epsilon)
{
    const int c = item_channel();
    struct moments m = merge_slices(partial + partial_begin, c, &d);
    MERGE_ITEMS(&m)
    vec centre = m.sum / (acc)d.total, square = m.squares / (acc)d.total;
    if (get_local_id(0) < PARTS && get_group_id(1) == 0) {
        store_params(centre, mean + mean_at, c, d.C);
        store_params(square, variance + variance_at, c, d.C);
    }
    SHARE(centre, square)
    const vec gain = load_params(scale + scale_at, c, d.C) / sqrt(square + epsilon);
    const vec offset = load_params(shift + shift_at, c, d.C);
    norm_slice(src + src_at, residual + residual_at, dst + dst_at, centre, gain, offset, &d, flags);
}
