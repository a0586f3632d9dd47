/* windows.h - the windows of pooling, for it and its gradients. */
#ifndef SHUNT_ONEDNN_WINDOWS_H
#define SHUNT_ONEDNN_WINDOWS_H

#include "onednn.h"

/* Whether src and dst differ in height and width only, and dst has the windows that fit. */
shunt_status onednn_check_windows(const shunt_pool_attr *a, const shunt_tensor_desc *src, const shunt_tensor_desc *dst);

/* The rows [range[0], range[1]) of `length` that window number `index` covers. way: 0 vertical, 1 horizontal. */
static inline void onednn_clip(int64_t index, const shunt_pool_attr *a, int way, int64_t length, int64_t range[2])
{
    range[0] = index * a->stride[way] - a->pad_before[way];
    range[1] = range[0] + a->window[way];
    if (range[0] < 0) range[0] = 0;
    if (range[1] > length) range[1] = length;
}

#endif
