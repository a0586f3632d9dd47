/* batch_norm.c - the row of BATCH_NORM. */
#include "runtime/graph/ops/ops.h"
#include "runtime/base/error.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

#include <math.h>

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    static const char *const names[] = {"src", "scale", "shift", "mean", "variance"};
    if (op->inputs[0].rank < 2) return infer_refuse(reason, "src has rank %d, not 2 or more", op->inputs[0].rank);
    for (uint32_t i = 1; i < 5; i++)
        if (!infer_check_vector(op, i, op->inputs[0].dims[1], names[i], reason)) return false;
    float epsilon = op->attr.batch_norm.epsilon;
    if (!isfinite(epsilon) || epsilon < 0) return infer_refuse(reason, "epsilon is %g", (double)epsilon);
    if (op->flags & SHUNT_FLAG_RESIDUAL && !infer_same_dims(&op->inputs[5], &op->inputs[0]))
        return infer_refuse(reason, "the residual does not have the shape of dst");
    return infer_same(op, dst, reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return 2 * count_dst(op) + count_relu(op);
}

/* Goes through the statistics of the batch as well: BATCH_STATISTICS and BATCH_NORM are one here. */
static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    const graph_value *mean = &pass->graph->values[op->inputs[3]];
    if (mean->producer < 0 || pass->graph->ops[mean->producer].kind != SHUNT_OP_BATCH_STATISTICS)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "%s is frozen, but layers before it learn; freeze all from the first one on", op->name);
    const shunt_value *in = op->inputs;
    shunt_value made[SHUNT_MAX_OUTPUTS];
    uint32_t relu = op->flags & SHUNT_FLAG_RELU;
    if (op->flags & SHUNT_FLAG_RESIDUAL) { /* of which src alone does not tell what the ReLU let through */
        diff = gradient_through_relu(pass, op, diff);
        gradient_add(pass, in[5], diff);
        relu = 0;
    }
    graph_op made_op = gradient_op(op, SHUNT_OP_BATCH_NORM_GRAD, relu, 6,
                                   (shunt_value[]){pass->now[in[0]], in[1], in[2], in[3], in[4], diff});
    graph_append_named(pass->graph, op->name, "diff_src", &made_op, 0, NULL, made);
    if (pass->graph->status) return SHUNT_OK; /* the walk reports it */
    for (uint32_t i = 0; i < 3; i++) gradient_add(pass, in[i], made[i]);
    return SHUNT_OK;
}

const op_kind op_batch_norm = {
    .name = "batch_norm",
    .fuses = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU,
    .variances = 1u << 4,
    .attr_bytes = sizeof(shunt_batch_norm_attr),
    .infer = infer,
    .flops = flops,
    .gradient = gradient,
};
