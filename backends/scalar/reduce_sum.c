/* reduce_sum.c - dst = the sums of src over the axes in reduce.axes, any rank. Sums in double, in the order of memory. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0];
    int64_t dims[SHUNT_MAX_RANK] = {0};
    if (desc->attr.reduce.axes >> src->rank) return scalar_fail(SHUNT_E_INVALID, "an axis that src does not have");
    for (uint32_t i = 0; i < src->rank; i++) dims[i] = desc->attr.reduce.axes >> i & 1 ? 1 : src->dims[i];
    return scalar_expect_dims(&desc->outputs[0], "dst", src->rank, dims);
}

/* Adds up from this axis on, of the elements that make one of dst. at: the place of that in dst. */
static double sum_from(const shunt_op_desc *desc, uint32_t axis, const int64_t *at, const real *src, int64_t index)
{
    const shunt_tensor_desc *shape = &desc->inputs[0];
    if (axis == shape->rank) return (double)src[index];
    index *= shape->dims[axis];
    if (!(desc->attr.reduce.axes >> axis & 1)) return sum_from(desc, axis + 1, at, src, index + at[axis]);
    double sum = 0;
    for (int64_t i = 0; i < shape->dims[axis]; i++) sum += sum_from(desc, axis + 1, at, src, index + i);
    return sum;
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    real *dst = outputs[0];
#pragma omp parallel for num_threads(threads) if (shunt_tensor_count(&desc->inputs[0]) > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) {
        int64_t at[SHUNT_MAX_RANK];
        unravel(&desc->outputs[0], i, at);
        dst[i] = (real)sum_from(desc, 0, at, inputs[0], 0);
    }
}

const scalar_op TYPED(scalar_reduce_sum) = {.check = check, .run = run};
