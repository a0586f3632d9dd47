/* step.c - the row of STEP: a decision of yes or no that a network can learn. The true gradient is 0 wherever there is one; that of the
 * identity stands in for it (the straight-through estimator: Bengio et al. 2013). */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    gradient_add(pass, op->inputs[0], diff);
    return SHUNT_OK;
}

const op_kind op_step = {
    .name = "step",
    .infer = infer_same,
    .flops = count_dst,
    .gradient = gradient,
};
