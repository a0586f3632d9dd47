/* sigmoid_grad.c - the row of SIGMOID_GRAD. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/pair.h"

static uint64_t flops(const shunt_op_desc *op)
{
    return 3 * count_dst(op);
}

const op_kind op_sigmoid_grad = {
    .name = "sigmoid_grad",
    .infer = pair_infer,
    .flops = flops,
};
