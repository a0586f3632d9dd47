/* table.c - the ops of one type, by kind. */
#include "op.h"

const scalar_op *const TYPED(scalar_ops)[SHUNT_OP_KINDS] = {
    [SHUNT_OP_CONV] = &TYPED(scalar_conv),
    [SHUNT_OP_LINEAR] = &TYPED(scalar_linear),
    [SHUNT_OP_BATCH_NORM] = &TYPED(scalar_batch_norm),
    [SHUNT_OP_RELU] = &TYPED(scalar_relu),
    [SHUNT_OP_ADD] = &TYPED(scalar_add),
    [SHUNT_OP_MAX_POOL] = &TYPED(scalar_max_pool),
    [SHUNT_OP_AVG_POOL] = &TYPED(scalar_avg_pool),
    [SHUNT_OP_GLOBAL_POOL] = &TYPED(scalar_global_pool),
    [SHUNT_OP_SOFTMAX] = &TYPED(scalar_softmax),
    [SHUNT_OP_SHORTCUT] = &TYPED(scalar_shortcut),
    [SHUNT_OP_REORDER] = &TYPED(scalar_reorder),
    [SHUNT_OP_TRANSPOSE] = &TYPED(scalar_transpose),
    [SHUNT_OP_RESHAPE] = &TYPED(scalar_reshape),
    [SHUNT_OP_CONCAT] = &TYPED(scalar_concat),
    [SHUNT_OP_PAD] = &TYPED(scalar_pad),
    [SHUNT_OP_CLIP] = &TYPED(scalar_clip),
    [SHUNT_OP_LOG_SOFTMAX] = &TYPED(scalar_log_softmax),
    [SHUNT_OP_MATMUL] = &TYPED(scalar_matmul),
};
