/* desc.c - questions that several ops ask of descriptions. */
#include "opencl.h"

bool ocl_same_desc(const shunt_tensor_desc *a, const shunt_tensor_desc *b)
{
    if (a->rank != b->rank || a->dtype != b->dtype) return false;
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) return false;
    return a->rank != 4 || shunt_tensor_block(a) == shunt_tensor_block(b);
}

int64_t ocl_inner_count(const shunt_tensor_desc *tensor, uint32_t first)
{
    int64_t count = 1;
    for (uint32_t i = first; i < tensor->rank; i++) count *= tensor->dims[i];
    return count;
}

bool ocl_window_fits(int64_t src, int64_t dst, int64_t window, int64_t stride, int64_t dilation, int64_t pad_before,
                     int64_t pad_after)
{
    const int64_t most = 1 << 24; /* keeps the kernels' sums of int within range */
    if (stride < 1 || dilation < 1 || pad_before < 0 || pad_after < 0) return false;
    if (src > most || window > most || stride > most || dilation > most || pad_before > most || pad_after > most)
        return false;
    int64_t room = src + pad_before + pad_after - (dilation * (window - 1) + 1);
    return room >= 0 && room < INT32_MAX && dst == room / stride + 1;
}
