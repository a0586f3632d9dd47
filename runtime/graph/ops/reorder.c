/* reorder.c - the row of REORDER. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/infer.h"

const op_kind op_reorder = {
    .name = "reorder",
    .infer = infer_same,
};
