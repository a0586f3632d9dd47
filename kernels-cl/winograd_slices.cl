/* winograd_slices.cl - the products of conv_winograd.cl by weights of 16 bits, transformed where they are used.
 *
 * Packed weights: [ceil(K/(KB*V))][C rounded up to 2][3*3][KB*V]. */

/* Work-items: (ceil(T/chunk), groups): an item multiplies `chunk` tiles by one group in all products, slice by slice of the
 * channels. Between slices the sums are in m. scratch: E*E times [slice][KB] transformed weights and one of padding, in vectors. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
winograd_slices(__global const acc *restrict v_, ulong v_at, __global const real *restrict weights_, ulong weights_at,
                __global acc *restrict m_, ulong m_at, const struct conv_dims d, const struct winograd_cut cut,
                __local vec *scratch)
{
    const int T = CEIL_DIV(cut.count, M) * M, group = get_global_id(1), groups = CEIL_DIV(dst_vectors(&d), KB);
    const int begin = get_global_id(0) * cut.chunk, end = min(begin + cut.chunk, T), c_size = (d.C + 1) / 2 * 2;
    const long v_stride = (long)CEIL_DIV(d.C, V) * T + 1, m_stride = (long)groups * KB * T + 1, stride = cut.slice * KB + 1;
    __global const reals *weights = (__global const reals *)(weights_ + weights_at) + (long)group * c_size * 9 * KB;
    __global const vec *v = (__global const vec *)(v_ + v_at);
    __global vec *m = (__global vec *)(m_ + m_at) + (long)group * KB * T;

    for (int c0 = 0; c0 < d.C; c0 += cut.slice, v += cut.slice / V * (long)T) {
        const int channels = min(cut.slice, c_size - c0);
        for (int c = 0; c < channels; c++, weights += 9 * KB)
            for (int j = 0; j < KB; j++) {
                vec g[9];
#pragma unroll
                for (int i = 0; i < 9; i++) g[i] = load_reals(weights + i * KB + j);
                transform_weights(g, scratch + c * KB + j, stride);
            }
        for (int e = 0; e < E * E; e++) {
            __local const acc *u = (__local const acc *)(scratch + e * stride);
            for (int t = begin; t < end; t += M)
                multiply((__global const acc *)(v + e * v_stride + t), u, m + e * m_stride + t, T, channels, c0 > 0, u, 0);
        }
    }
}

/* weights (K,C,3,3) -> packed, zero beyond K or C. Work-items: (KB, ceil(c_size / PACK_CHANNELS), groups) with c_size = C rounded
 * up to 2, groups of 1. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void winograd_pack(__global const param *restrict weights, ulong weights_at,
                                                                           __global real *restrict packed_, ulong packed_at, int K,
                                                                           int C, const struct conv_view view)
{
    const int j = get_global_id(0), group = get_global_id(2), c_size = (C + 1) / 2 * 2;
    const int c0 = get_global_id(1) * PACK_CHANNELS, c1 = min(c0 + PACK_CHANNELS, c_size);
    __global reals *packed = (__global reals *)(packed_ + packed_at) + (long)group * c_size * 9 * KB + j;

    for (int c = c0; c < c1; c++)
        for (int i = 0; i < 9; i++)
            store_reals(c < C ? load_weights(weights + weights_at, &view, (group * KB + j) * V, K, c, i / 3, i % 3) : (vec)0.0f,
                        packed + ((long)c * 9 + i) * KB);
}
