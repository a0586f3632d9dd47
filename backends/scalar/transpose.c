/* transpose.c - dst has src's axes in another order. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0];
    int64_t dims[SHUNT_MAX_RANK] = {0};
    uint32_t seen = 0;
    for (uint32_t i = 0; i < src->rank; i++) {
        int32_t axis = desc->attr.transpose.axes[i];
        if (axis < 0 || axis >= src->rank || seen >> axis & 1)
            return scalar_fail(SHUNT_E_INVALID, "axis %d is not valid in a permutation of %u", axis, src->rank);
        seen |= 1u << axis;
        dims[i] = src->dims[axis];
    }
    return scalar_expect_dims(&desc->outputs[0], "dst", src->rank, dims);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const shunt_tensor_desc *src_desc = &desc->inputs[0], *dst_desc = &desc->outputs[0];
    int64_t count = (int64_t)shunt_tensor_count(dst_desc), step[SHUNT_MAX_RANK] = {0}, strides[SHUNT_MAX_RANK] = {0};
    const real *src = inputs[0];
    real *dst = outputs[0];
    for (int64_t i = src_desc->rank - 1, stride = 1; i >= 0; stride *= src_desc->dims[i--]) strides[i] = stride;
    for (uint32_t i = 0; i < dst_desc->rank; i++) step[i] = strides[desc->attr.transpose.axes[i]];
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) {
        int64_t at[SHUNT_MAX_RANK], from = 0;
        unravel(dst_desc, i, at);
        for (uint32_t axis = 0; axis < dst_desc->rank; axis++) from += at[axis] * step[axis];
        dst[i] = src[from];
    }
}

const scalar_op TYPED(scalar_transpose) = {.check = check, .run = run};
