/* matmul.c - the row of MATMUL. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/count.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    const int64_t *a = op->inputs[0].dims, *b = op->inputs[1].dims; /* B M K, B K N */
    if (!infer_check_rank(op, 0, 3, "a", reason) || !infer_check_rank(op, 1, 3, "b", reason)) return false;
    if (a[0] != b[0] && a[0] != 1 && b[0] != 1)
        return infer_refuse(reason, "%lld and %lld matrices", (long long)a[0], (long long)b[0]);
    if (a[2] != b[1]) return infer_refuse(reason, "%lld columns by %lld rows", (long long)a[2], (long long)b[1]);
    *dst = infer_plain(3, a[0] > b[0] ? a[0] : b[0], a[1], b[2], 0);
    return true;
}

static uint64_t macs(const shunt_op_desc *op)
{
    return count_times(count_dst(op), (uint64_t)op->inputs[0].dims[2]);
}

const op_kind op_matmul = {
    .name = "matmul",
    .infer = infer,
    .macs = macs,
};
