/* eltwise.cl - relu: dst = max(src, 0); add: dst = a + b, optionally through ReLU. Any layout: memory is walked flat,
 * and zero lanes stay zero.
 * Work-items: (ceil(count / V)), groups of WG; one item does V consecutive elements. Reads and writes each once. */
#include "common.cl"

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void relu_flat(__global const float *src, ulong src_at, __global float *dst, ulong dst_at, ulong count)
{
    const ulong i = (ulong)get_global_id(0) * V;
    src += src_at + i;
    dst += dst_at + i;
    if (i + V <= count)
        STORE(relu(LOAD(src)), dst);
    else
        for (int lane = 0; i + lane < count; lane++) dst[lane] = src[lane] < 0.0f ? 0.0f : src[lane];
}

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void add_flat(__global const float *a, ulong a_at, __global const float *b, ulong b_at, __global float *dst,
                       ulong dst_at, ulong count, int flags)
{
    const ulong i = (ulong)get_global_id(0) * V;
    a += a_at + i;
    b += b_at + i;
    dst += dst_at + i;
    if (i + V <= count) {
        const vec sum = LOAD(a) + LOAD(b);
        STORE(flags & WITH_RELU ? relu(sum) : sum, dst);
        return;
    }
    for (int lane = 0; i + lane < count; lane++) {
        const float sum = a[lane] + b[lane];
        dst[lane] = flags & WITH_RELU && sum < 0.0f ? 0.0f : sum;
    }
}
