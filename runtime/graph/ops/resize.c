/* resize.c - the row of RESIZE. */
#include "runtime/graph/ops/ops.h"
#include "runtime/base/error.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

#include <math.h>
#include <shunt/resize.h>

static bool check_attr(const shunt_resize_attr *a, char *reason)
{
    if (a->filter < SHUNT_RESIZE_BILINEAR || a->filter > SHUNT_RESIZE_CUBIC)
        return infer_refuse(reason, "filter %d", a->filter);
    if (a->coordinates < SHUNT_RESIZE_HALF_PIXEL || a->coordinates > SHUNT_RESIZE_ASYMMETRIC)
        return infer_refuse(reason, "coordinates %d", a->coordinates);
    if (a->rounding < SHUNT_RESIZE_FLOOR || a->rounding > SHUNT_RESIZE_HALF_UP)
        return infer_refuse(reason, "rounding %d", a->rounding);
    for (int i = 0; i < 2; i++) {
        if (a->size[i] < 0) return infer_refuse(reason, "a size of %d", a->size[i]);
        if (!isfinite(a->factor[i]) || a->factor[i] < 0)
            return infer_refuse(reason, "a factor of %g", (double)a->factor[i]);
        if (shunt_resize_is_antialiased(a) && (a->factor[i] != 0 || a->coordinates != SHUNT_RESIZE_HALF_PIXEL))
            return infer_refuse(reason, "an antialiased filter with a factor, or not of half pixels");
    }
    return true;
}

/* One axis of dst. */
static bool find_size(const shunt_op_desc *op, int i, int64_t *out, char *reason)
{
    const shunt_resize_attr *a = &op->attr.resize;
    const double scaled = floor((double)op->inputs[0].dims[2 + i] * (double)a->factor[i]);
    *out = op->flags & SHUNT_FLAG_LIKE ? op->inputs[1].dims[2 + i]
           : a->size[i]                ? a->size[i]
                                       : (int64_t)fmin(scaled, INT32_MAX);
    if (*out >= 1 && *out < INT32_MAX) return true;
    return infer_refuse(reason, "a factor of %g makes no size of %lld", (double)a->factor[i],
                        (long long)op->inputs[0].dims[2 + i]);
}

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const int64_t *src = op->inputs[0].dims;
    int64_t pq[2];
    if (!check_attr(&op->attr.resize, reason) || !infer_check_rank(op, 0, 4, "src", reason)) return false;
    if (op->flags & SHUNT_FLAG_LIKE && !infer_check_rank(op, 1, 4, "like", reason)) return false;
    for (int i = 0; i < 2; i++)
        if (!find_size(op, i, &pq[i], reason)) return false;
    *dst = infer_plain(4, src[0], src[1], pq[0], pq[1]);
    return true;
}

/* Of an antialiased filter, one axis: as many elements of src as its middle element of dst reads. */
static uint64_t span(const shunt_op_desc *op, int axis)
{
    const int64_t places = op->outputs[0].dims[axis];
    return (uint64_t)shunt_resize_span_at(&op->attr.resize, op->inputs[0].dims[axis], places, places / 2).count;
}

/* Of four elements three weighted means: a difference, a product and a sum. */
static uint64_t flops(const shunt_op_desc *op)
{
    if (shunt_resize_is_antialiased(&op->attr.resize)) return count_times(count_dst(op), 2 * span(op, 2) * span(op, 3));
    return op->attr.resize.filter == SHUNT_RESIZE_NEAREST ? 0 : count_times(count_dst(op), 9);
}

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    const shunt_tensor_desc src = pass->graph->values[op->inputs[0]].desc, dst = pass->graph->values[diff].desc;
    if (shunt_resize_is_antialiased(&op->attr.resize))
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: an antialiased resize has no gradient", op->name);
    graph_op made = gradient_op(op, SHUNT_OP_RESIZE_GRAD, 0, 1, &diff);
    for (int i = 0; i < 2; i++) made.attr.resize.size[i] = (int32_t)dst.dims[2 + i];
    gradient_add(pass, op->inputs[0], graph_append_named(pass->graph, op->name, "diff_src", &made, 1, &src, NULL));
    return SHUNT_OK;
}

static void settle(graph_op *op, const shunt_tensor_desc *dst)
{
    if (!(op->flags & SHUNT_FLAG_LIKE)) return;
    for (int i = 0; i < 2; i++) op->attr.resize.size[i] = (int32_t)dst->dims[2 + i];
    op->flags &= ~(uint32_t)SHUNT_FLAG_LIKE;
    op->ninputs = 1;
}

const op_kind op_resize = {
    .name = "resize",
    .attr_bytes = sizeof(shunt_resize_attr),
    .infer = infer,
    .flops = flops,
    .gradient = gradient,
    .settle = settle,
};
