/* count_nonfinite.c - the row of COUNT_NONFINITE. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    *dst = infer_plain(1, 1, 0, 0, 0);
    return infer_check_number(op, SHUNT_FLAG_RESIDUAL, "residual", reason);
}

const op_kind op_count_nonfinite = {
    .name = "count_nonfinite",
    .exchange = OP_EXCHANGE_TOTAL,
    .infer = infer,
    .flops = count_src,
};
