/* kinds.c - which file does which kind of op. */
#include "onednn.h"

static const onednn_kind *const kinds[] = {
    [SHUNT_OP_CONV] = &onednn_conv,
    [SHUNT_OP_LINEAR] = &onednn_linear,
    [SHUNT_OP_BATCH_NORM] = &onednn_batch_norm,
    [SHUNT_OP_RELU] = &onednn_relu,
    [SHUNT_OP_ADD] = &onednn_add,
    [SHUNT_OP_MAX_POOL] = &onednn_max_pool,
    [SHUNT_OP_AVG_POOL] = &onednn_avg_pool,
    [SHUNT_OP_GLOBAL_POOL] = &onednn_global_pool,
    [SHUNT_OP_SOFTMAX] = &onednn_softmax,
    [SHUNT_OP_SHORTCUT] = &onednn_shortcut,
    [SHUNT_OP_REORDER] = &onednn_reorder,
    [SHUNT_OP_BATCH_STATISTICS] = &onednn_batch_statistics,
    [SHUNT_OP_BATCH_NORM_GRAD] = &onednn_batch_norm_grad,
    [SHUNT_OP_RELU_GRAD] = &onednn_relu_grad,
    [SHUNT_OP_CONV_GRAD_SRC] = &onednn_conv_grad_src,
    [SHUNT_OP_CONV_GRAD_WEIGHTS] = &onednn_conv_grad_weights,
    [SHUNT_OP_LINEAR_GRAD_SRC] = &onednn_linear_grad_src,
    [SHUNT_OP_LINEAR_GRAD_WEIGHTS] = &onednn_linear_grad_weights,
    [SHUNT_OP_MAX_POOL_GRAD] = &onednn_max_pool_grad,
    [SHUNT_OP_AVG_POOL_GRAD] = &onednn_avg_pool_grad,
    [SHUNT_OP_GLOBAL_POOL_GRAD] = &onednn_global_pool_grad,
    [SHUNT_OP_SHORTCUT_GRAD] = &onednn_shortcut_grad,
    [SHUNT_OP_CROSS_ENTROPY] = &onednn_cross_entropy,
    [SHUNT_OP_SGD] = &onednn_sgd,
    [SHUNT_OP_MOVING_AVERAGE] = &onednn_moving_average,
    [SHUNT_OP_SHRINK] = &onednn_shrink,
    [SHUNT_OP_ACCUMULATE] = &onednn_accumulate,
    [SHUNT_OP_COUNT_NONFINITE] = &onednn_count_nonfinite,
    [SHUNT_OP_SUM_SQUARES] = &onednn_sum_squares,
    [SHUNT_OP_SIGMOID] = &onednn_sigmoid,
    [SHUNT_OP_SIGMOID_GRAD] = &onednn_sigmoid_grad,
    [SHUNT_OP_MUL] = &onednn_mul,
    [SHUNT_OP_REDUCE_SUM] = &onednn_reduce_sum,
};

const onednn_kind *onednn_find_kind(const shunt_op_desc *desc)
{
    if (desc->kind >= sizeof kinds / sizeof *kinds || !kinds[desc->kind]) {
        onednn_fail(SHUNT_E_UNSUPPORTED, "this kind of op is not done here");
        return NULL;
    }
    if (desc->flags & ~kinds[desc->kind]->flags) {
        onednn_fail(SHUNT_E_UNSUPPORTED, "its flags 0x%x are not all known here", desc->flags);
        return NULL;
    }
    if (desc->ninputs != shunt_op_ninputs(desc->kind, desc->flags) ||
        desc->noutputs != shunt_op_noutputs(desc->kind, desc->flags)) {
        onednn_fail(SHUNT_E_INVALID, "%u inputs and %u outputs", desc->ninputs, desc->noutputs);
        return NULL;
    }
    return kinds[desc->kind];
}
