/* reorder.c - the row of REORDER. */
#include "runtime/graph/ops/ops.h"
#include "runtime/graph/ops/infer.h"

const op_kind op_reorder = {
    .name = "reorder",
    .input_types = {OP_ANY},
    .output_types = {OP_ANY},
    .infer = infer_same,
};
