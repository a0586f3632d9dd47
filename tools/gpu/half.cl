/* half.cl - conversions of float16 that a driver has, and Debian's libclc computes bit by bit, through arrays in memory. Included before
 * each kernel file that is compiled for NVIDIA, with -cl-ext=+cl_khr_fp16. */
#pragma OPENCL EXTENSION cl_khr_fp16 : enable

#define CONVERSIONS(n)                                                                                                 \
    static inline float##n halves_load##n(const __global ushort *p)                                                    \
    {                                                                                                                  \
        return __builtin_convertvector(as_half##n(vload##n(0, p)), float##n);                                          \
    }                                                                                                                  \
    static inline float##n halves_load_aligned##n(const __global ushort##n *p)                                         \
    {                                                                                                                  \
        return __builtin_convertvector(as_half##n(*p), float##n);                                                      \
    }                                                                                                                  \
    static inline void halves_store##n(float##n x, __global ushort *p)                                                 \
    {                                                                                                                  \
        vstore##n(as_ushort##n(__builtin_convertvector(x, half##n)), 0, p);                                            \
    }                                                                                                                  \
    static inline void halves_store_aligned##n(float##n x, __global ushort##n *p)                                      \
    {                                                                                                                  \
        *p = as_ushort##n(__builtin_convertvector(x, half##n));                                                        \
    }
CONVERSIONS(2)
CONVERSIONS(4)
CONVERSIONS(8)
CONVERSIONS(16)

/* The kernels' index is 0, or a scalar's. */
#define vload_half(i, p) __builtin_load_halff((p) + (i))
#define vstore_half_rte(x, i, p) __builtin_store_halff(x, (p) + (i))
#define vload_half2(i, p) halves_load2((const __global ushort *)(p) + 2 * (i))
#define vload_half4(i, p) halves_load4((const __global ushort *)(p) + 4 * (i))
#define vload_half8(i, p) halves_load8((const __global ushort *)(p) + 8 * (i))
#define vload_half16(i, p) halves_load16((const __global ushort *)(p) + 16 * (i))
#define vloada_half2(i, p) halves_load_aligned2((const __global ushort2 *)(p) + (i))
#define vloada_half4(i, p) halves_load_aligned4((const __global ushort4 *)(p) + (i))
#define vloada_half8(i, p) halves_load_aligned8((const __global ushort8 *)(p) + (i))
#define vloada_half16(i, p) halves_load_aligned16((const __global ushort16 *)(p) + (i))
#define vstore_half2_rte(x, i, p) halves_store2(x, (__global ushort *)(p) + 2 * (i))
#define vstore_half4_rte(x, i, p) halves_store4(x, (__global ushort *)(p) + 4 * (i))
#define vstore_half8_rte(x, i, p) halves_store8(x, (__global ushort *)(p) + 8 * (i))
#define vstore_half16_rte(x, i, p) halves_store16(x, (__global ushort *)(p) + 16 * (i))
#define vstorea_half2_rte(x, i, p) halves_store_aligned2(x, (__global ushort2 *)(p) + (i))
#define vstorea_half4_rte(x, i, p) halves_store_aligned4(x, (__global ushort4 *)(p) + (i))
#define vstorea_half8_rte(x, i, p) halves_store_aligned8(x, (__global ushort8 *)(p) + (i))
#define vstorea_half16_rte(x, i, p) halves_store_aligned16(x, (__global ushort16 *)(p) + (i))
