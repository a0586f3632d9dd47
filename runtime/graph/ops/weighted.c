/* weighted.c - see weighted.h. */
#include "runtime/graph/ops/weighted.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/count.h"

uint64_t weighted_macs(const shunt_tensor_desc *dst, const shunt_tensor_desc *weights)
{
    uint64_t row = 1;
    for (uint32_t i = 1; i < weights->rank; i++) row = count_times(row, (uint64_t)weights->dims[i]);
    return count_times(shunt_tensor_count(dst), row);
}

uint64_t weighted_grad_src_macs(const shunt_op_desc *op)
{
    return weighted_macs(&op->inputs[1], &op->inputs[0]);
}

uint64_t weighted_grad_weights_macs(const shunt_op_desc *op)
{
    return weighted_macs(&op->inputs[1], &op->outputs[0]);
}

static void by_weights(gradient_pass *p, const graph_op *op, uint32_t kind, shunt_value diff)
{
    shunt_value src = op->inputs[0], weights = op->inputs[1], made[SHUNT_MAX_OUTPUTS];
    uint32_t bias = op->flags & SHUNT_FLAG_BIAS;
    if (!p->needed[weights] && !(bias && p->needed[op->inputs[2]])) return;
    const shunt_tensor_desc shape = p->graph->values[weights].desc;
    graph_op gradient = gradient_op(op, kind, bias, 2, (shunt_value[]){p->now[src], diff});
    graph_append_named(p->graph, op->name, "diff_weights", &gradient, 1, &shape, made);
    if (p->graph->status) return;
    gradient_add(p, weights, made[0]);
    if (bias) gradient_add(p, op->inputs[2], made[1]);
}

static void by_src(gradient_pass *p, const graph_op *op, uint32_t kind, bool can_add, shunt_value diff)
{
    shunt_value src = op->inputs[0], sum = p->diffs[src];
    if (!p->needed[src]) return;
    bool adds = can_add && sum != SHUNT_NO_VALUE;
    const shunt_tensor_desc shape = p->graph->values[src].desc;
    graph_op gradient =
        gradient_op(op, kind, adds ? SHUNT_FLAG_RESIDUAL : 0, adds ? 3 : 2, (shunt_value[]){op->inputs[1], diff, sum});
    shunt_value made = graph_append_named(p->graph, op->name, "diff_src", &gradient, 1, &shape, NULL);
    if (adds)
        p->diffs[src] = made;
    else
        gradient_add(p, src, made);
}

void weighted_gradient(gradient_pass *p, const graph_op *op, uint32_t grad_src, bool adds, uint32_t grad_weights,
                       shunt_value diff)
{
    by_weights(p, op, grad_weights, diff);
    if (!p->graph->status) by_src(p, op, grad_src, adds, diff);
}
