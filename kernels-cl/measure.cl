/* measure.cl - the roofs of the device: multiply-adds on registers, and a copy of memory.
 *
 * multiply_add: groups of WG; each item keeps CHAINS vectors of V floats, each STEPS times x * m + a; 2 * V * CHAINS * steps
 * operations an item. One store an item makes the result needed.
 * copy: groups of WG; each item copies `run` consecutive vectors. A GPU wants run = 1, so that neighbours touch neighbouring
 * memory; a CPU a long run, since each item is a thread's own stream. */
#include "common.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void multiply_add(__global real *dst, ulong dst_at, int steps)
{
    const vec a = (vec)(1e-3f + 1e-9f * (float)get_global_id(0)), m = (vec)0.999f; /* x tends to 1: never denormal */
    vec x[CHAINS];
#pragma unroll
    for (int i = 0; i < CHAINS; i++) x[i] = a + (float)i;
    for (int step = 0; step < steps; step++)
#pragma unroll
        for (int i = 0; i < CHAINS; i++) x[i] = fma(x[i], m, a);
#pragma unroll
    for (int i = 1; i < CHAINS; i++) x[0] += x[i];
    store_vec(x[0], dst + dst_at + get_global_id(0) * V);
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void copy(__global const real *src, ulong src_at,
                                                                   __global real *dst, ulong dst_at, ulong run)
{
    const ulong first = get_global_id(0) * run;
    __global const reals *from = (__global const reals *)(src + src_at) + first;
    __global reals *to = (__global reals *)(dst + dst_at) + first;
    for (ulong i = 0; i < run; i++) store_reals(load_reals(from + i), to + i);
}
