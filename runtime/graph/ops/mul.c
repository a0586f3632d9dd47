/* mul.c - the row of MUL. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/gradients.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/pair.h"

/* By each input: diff times the other one. */
static shunt_status gradient(gradient_pass *pass, const graph_op *op, shunt_value diff)
{
    for (uint32_t i = 0; i < op->ninputs; i++) {
        if (!pass->needed[op->inputs[i]]) continue;
        const shunt_value pair[] = {diff, pass->now[op->inputs[!i]]};
        graph_op product = gradient_op(op, SHUNT_OP_MUL, op->flags, 2, pair);
        pair_gradient_add(pass, op, i, graph_append_named(pass->graph, op->name, "diff_src", &product, 0, NULL, NULL));
    }
    return SHUNT_OK;
}

const op_kind op_mul = {
    .name = "mul",
    .infer = pair_infer,
    .flops = count_dst,
    .gradient = gradient,
};
