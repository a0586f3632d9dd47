/* cast.c - the row of CAST. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/infer.h"

static bool infer(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    if (op->attr.cast.dtype < 0 || op->attr.cast.dtype > UINT8_MAX || !shunt_castable((uint8_t)op->attr.cast.dtype))
        return infer_refuse(reason, "CAST cannot produce type %d", op->attr.cast.dtype);
    infer_same(op, dst, reason);
    dst->dtype = (uint8_t)op->attr.cast.dtype;
    return true;
}

const op_kind op_cast = {
    .name = "cast",
    .attr_bytes = sizeof(shunt_cast_attr),
    .infer = infer,
};
