/* window.c - see window.h. */
#include "runtime/graph/ops/window.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

bool window_places(int64_t size, int64_t window, int32_t dilation, int32_t stride, int32_t before, int32_t after,
                   int64_t *places, char *reason)
{
    if (stride < 1) return infer_refuse(reason, "stride %d is less than 1", stride);
    if (dilation < 1) return infer_refuse(reason, "dilation %d is less than 1", dilation);
    if (before < 0 || after < 0) return infer_refuse(reason, "padding %d, %d is negative", before, after);
    if (window < 1 || window > INT32_MAX) return infer_refuse(reason, "a window of %lld", (long long)window);
    int64_t extent = dilation * (window - 1) + 1, padded = size + before + after;
    if (extent > padded)
        return infer_refuse(reason, "a window of %lld does not fit into the padded size %lld", (long long)extent,
                            (long long)padded);
    *places = (padded - extent) / stride + 1;
    return true;
}

/* No window may lie in the padding alone: it would have no maximum, and no mean. */
bool window_infer_pool(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_pool_attr *a = &op->attr.pool;
    const int64_t *src = op->inputs[0].dims;
    if (!infer_check_rank(op, 0, 4, "src", reason)) return false;
    int64_t pq[2];
    for (int i = 0; i < 2; i++) {
        int32_t dilation = op->flags & SHUNT_FLAG_DILATED ? a->dilation[i] : 1;
        if (!window_places(src[2 + i], a->window[i], dilation, a->stride[i], a->pad_before[i], a->pad_after[i], &pq[i],
                           reason))
            return false;
        if (a->pad_before[i] > (int64_t)dilation * (a->window[i] - 1) ||
            (pq[i] - 1) * a->stride[i] - a->pad_before[i] >= src[2 + i])
            return infer_refuse(reason, "a window lies wholly in the padding");
    }
    *dst = infer_plain(4, src[0], src[1], pq[0], pq[1]);
    return true;
}

uint64_t window_size(const shunt_op_desc *op)
{
    return count_times((uint64_t)op->attr.pool.window[0], (uint64_t)op->attr.pool.window[1]);
}

uint64_t window_pool_flops(const shunt_op_desc *op)
{
    return count_times(count_dst(op), window_size(op));
}
