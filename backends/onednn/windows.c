/* windows.c - see windows.h. */
#include "windows.h"

shunt_status onednn_check_windows(const shunt_pool_attr *a, const shunt_tensor_desc *src, const shunt_tensor_desc *dst)
{
    if (src->rank != 4 || dst->rank != 4 || src->block != dst->block || src->dims[0] != dst->dims[0] ||
        src->dims[1] != dst->dims[1])
        return onednn_fail(SHUNT_E_UNSUPPORTED, "src and dst differ in more than height and width");
    for (int i = 0; i < 2; i++) {
        int64_t room = src->dims[2 + i] + a->pad_before[i] + a->pad_after[i] - a->window[i];
        if (a->stride[i] < 1 || a->window[i] < 1 || a->pad_before[i] < 0 || a->pad_before[i] >= a->window[i] ||
            a->pad_after[i] < 0 || a->pad_after[i] >= a->window[i] || room < 0 ||
            dst->dims[2 + i] != room / a->stride[i] + 1)
            return onednn_fail(SHUNT_E_INVALID, "the window does not fit its padding, src or dst");
    }
    return SHUNT_OK;
}
