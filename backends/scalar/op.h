/* op.h - the type that an op file is compiled for: every such file is built once with SCALAR_BITS=32 and once with 64,
 * and defines TYPED(scalar_NAME), its one symbol. exp() and sqrt() are those of the type (tgmath.h). */
#ifndef SHUNT_SCALAR_OP_H
#define SHUNT_SCALAR_OP_H

#include "scalar.h"

#include <math.h>
#include <tgmath.h>

#if SCALAR_BITS == 64
typedef double real;
#define TYPED(name) name##_f64
#else
typedef float real;
#define TYPED(name) name##_f32
#endif

extern const scalar_op TYPED(scalar_add), TYPED(scalar_avg_pool), TYPED(scalar_batch_norm), TYPED(scalar_conv),
    TYPED(scalar_global_pool), TYPED(scalar_linear), TYPED(scalar_max_pool), TYPED(scalar_relu), TYPED(scalar_shortcut),
    TYPED(scalar_softmax), TYPED(scalar_transpose), TYPED(scalar_reshape), TYPED(scalar_concat), TYPED(scalar_pad),
    TYPED(scalar_clip), TYPED(scalar_log_softmax), TYPED(scalar_matmul), TYPED(scalar_lrn),
    TYPED(scalar_batch_statistics), TYPED(scalar_batch_norm_grad), TYPED(scalar_relu_grad), TYPED(scalar_conv_grad_src),
    TYPED(scalar_conv_grad_weights), TYPED(scalar_linear_grad_src), TYPED(scalar_linear_grad_weights),
    TYPED(scalar_max_pool_grad), TYPED(scalar_avg_pool_grad), TYPED(scalar_global_pool_grad),
    TYPED(scalar_shortcut_grad), TYPED(scalar_cross_entropy), TYPED(scalar_sgd), TYPED(scalar_moving_average),
    TYPED(scalar_sigmoid), TYPED(scalar_sigmoid_grad), TYPED(scalar_mul), TYPED(scalar_reduce_sum),
    TYPED(scalar_count_nonfinite), TYPED(scalar_resize), TYPED(scalar_resize_grad), TYPED(scalar_batch_norm_train),
    TYPED(scalar_roi_align), TYPED(scalar_shrink), TYPED(scalar_sum_squares), TYPED(scalar_step), TYPED(scalar_gather),
    TYPED(scalar_scatter), TYPED(scalar_accumulate), TYPED(scalar_focal_loss), TYPED(scalar_smooth_l1);

/* max(x, 0) that lets NaN through. */
static inline real relu(real x)
{
    return x < 0 ? 0 : x;
}

/* The number that a flag adds, or another where it is not set. */
static inline real flag_number(const shunt_op_desc *desc, const void *const *inputs, uint32_t flag, real otherwise)
{
    if (!(desc->flags & flag)) return otherwise;
    return *(const real *)inputs[shunt_op_flag_input(desc->kind, desc->flags, flag)];
}

/* The place of element `index` of a plain tensor, axis by axis. */
static inline void unravel(const shunt_tensor_desc *t, int64_t index, int64_t at[SHUNT_MAX_RANK])
{
    for (uint32_t i = t->rank; i-- > 0; index /= t->dims[i]) at[i] = index % t->dims[i];
}

#endif
