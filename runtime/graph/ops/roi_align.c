/* roi_align.c - the row of ROI_ALIGN. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

#include <math.h>

enum { MOST_SAMPLING = 1 << 12 };

static bool check_attr(const shunt_roi_align_attr *a, char *reason)
{
    for (int i = 0; i < 2; i++)
        if (a->size[i] < 1) return infer_refuse(reason, "a size of %d", a->size[i]);
    if (a->sampling < 0 || a->sampling > MOST_SAMPLING)
        return infer_refuse(reason, "sampling %d is not in 0 .. %d", a->sampling, MOST_SAMPLING);
    if (a->mode != SHUNT_ROI_MEAN && a->mode != SHUNT_ROI_MAXIMUM) return infer_refuse(reason, "mode %d", a->mode);
    if (!(a->scale > 0) || !isfinite(a->scale)) return infer_refuse(reason, "a scale of %g", (double)a->scale);
    if (isnan(a->area[0]) || isnan(a->area[1])) return infer_refuse(reason, "an area that is not a number");
    return true;
}

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const shunt_roi_align_attr *a = &op->attr.roi_align;
    const int64_t *src = op->inputs[0].dims, *rois = op->inputs[1].dims;
    if (!check_attr(a, reason) || !infer_check_rank(op, 0, 4, "src", reason) ||
        !infer_check_rank(op, 1, 2, "rois", reason))
        return false;
    if (rois[1] != 5) return infer_refuse(reason, "rows of rois have %lld numbers, not 5", (long long)rois[1]);
    *dst = infer_plain(4, rois[0], src[1], a->size[0], a->size[1]);
    if (op->flags & SHUNT_FLAG_RESIDUAL && !infer_same_dims(&op->inputs[2], dst))
        return infer_refuse(reason, "the residual does not have the shape of dst");
    return true;
}

/* A sample is four products and their sum; how many a cell has depends on the boxes where the attributes do not say it. */
static uint64_t flops(const shunt_op_desc *op)
{
    const uint64_t sampling = (uint64_t)op->attr.roi_align.sampling, samples = sampling ? sampling * sampling : 1;
    return count_times(count_dst(op), count_times(8, samples));
}

const op_kind op_roi_align = {
    .name = "roi_align",
    .attr_bytes = sizeof(shunt_roi_align_attr),
    .infer = infer,
    .flops = flops,
};
