/* softmax.c - the row of SOFTMAX. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    return infer_check_rank(op, 0, 2, "src", reason) && infer_same(op, dst, reason);
}

static uint64_t flops(const shunt_op_desc *op)
{
    return 4 * count_src(op); /* maximum, exponential, sum, division */
}

const op_kind op_softmax = {
    .name = "softmax",
    .infer = infer,
    .flops = flops,
};
