/* cast.cl - dst is src in another type. A floating type gets the nearest number, of two the even one; an integer type the number cut
 * toward zero, its nearest end when it is out of range, 0 for a NaN.
 * Build options: FROM, TO: types (SHUNT_F32 ...), RUN: elements of an item. Work-items: (ceil(count / RUN)), groups of WG. Offsets
 * count words of four bytes. Reads and writes its tensors once. */
#define F32 1
#define F64 2
#define I32 3
#define F16 4
#define BF16 5
#define U8 9

#if FROM == F64 || TO == F64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

/* What an element of src is computed with: exact. */
#if FROM == F64
typedef double value;
#elif FROM == I32 || FROM == U8
typedef int value;
#else
typedef float value;
#endif

static inline value load_element(__global const void *src, ulong i)
{
#if FROM == F64
    return ((__global const double *)src)[i];
#elif FROM == I32
    return ((__global const int *)src)[i];
#elif FROM == U8
    return ((__global const uchar *)src)[i];
#elif FROM == F16
    return vload_half(i, (__global const half *)src);
#elif FROM == BF16
    return as_float((uint)((__global const ushort *)src)[i] << 16);
#else
    return ((__global const float *)src)[i];
#endif
}

/* The upper half of x, rounded. */
static inline ushort to_bf16(float x)
{
    const uint bits = as_uint(x);
    return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline void store_element(value x, __global void *dst, ulong i)
{
#if TO == F64
    ((__global double *)dst)[i] = convert_double(x);
#elif TO == F16
    vstore_half_rte(convert_float_rte(x), i, (__global half *)dst);
#elif TO == BF16
    ((__global ushort *)dst)[i] = to_bf16(convert_float_rte(x));
#elif TO == I32
    ((__global int *)dst)[i] = x == x ? convert_int_sat_rtz(x) : 0;
#elif TO == U8
    ((__global uchar *)dst)[i] = x == x ? convert_uchar_sat_rtz(x) : 0;
#else
    ((__global float *)dst)[i] = convert_float_rte(x);
#endif
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void cast(__global const uint *src, ulong src_at,
                                                                   __global uint *dst, ulong dst_at, ulong count)
{
    const ulong begin = min((ulong)get_global_id(0) * RUN, count), end = min(begin + RUN, count);
    for (ulong i = begin; i < end; i++) store_element(load_element(src + src_at, i), dst + dst_at, i);
}
