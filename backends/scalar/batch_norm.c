/* batch_norm.c - inference form: dst = (src - mean) / sqrt(variance + epsilon) * scale + shift, residual and ReLU on request. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    static const char *const names[] = {"src", "scale", "shift", "mean", "variance"};
    const shunt_tensor_desc *src = &desc->inputs[0];
    if (src->rank < 2) return scalar_fail(SHUNT_E_INVALID, "src has rank %u, not 2 or more", src->rank);
    for (int i = 1; i < 5; i++) {
        shunt_status status = scalar_expect_dims(&desc->inputs[i], names[i], 1, &src->dims[1]);
        if (status) return status;
    }
    float epsilon = desc->attr.batch_norm.epsilon;
    if (!(epsilon >= 0)) return scalar_fail(SHUNT_E_INVALID, "epsilon is %g", (double)epsilon);
    if (desc->flags & SHUNT_FLAG_RESIDUAL) {
        shunt_status status = scalar_expect_same(&desc->inputs[5], "residual", src);
        if (status) return status;
    }
    return scalar_expect_same(&desc->outputs[0], "dst", src);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const shunt_tensor_desc *shape = &desc->inputs[0];
    int64_t planes = shape->dims[0] * shape->dims[1], C = shape->dims[1];
    int64_t area = (int64_t)shunt_tensor_count(shape) / planes;
    const real *src = inputs[0], *scale = inputs[1], *shift = inputs[2], *mean = inputs[3], *variance = inputs[4];
    const real *residual = desc->flags & SHUNT_FLAG_RESIDUAL ? inputs[5] : NULL;
    real *dst = outputs[0], epsilon = (real)desc->attr.batch_norm.epsilon;
    bool with_relu = desc->flags & SHUNT_FLAG_RELU;
#pragma omp parallel for num_threads(threads) if (planes * area > SCALAR_SMALL)
    for (int64_t plane = 0; plane < planes; plane++) {
        int64_t c = plane % C;
        real factor = scale[c] / sqrt(variance[c] + epsilon);
#pragma omp simd
        for (int64_t i = plane * area; i < (plane + 1) * area; i++) {
            real value = (src[i] - mean[c]) * factor + shift[c] + (residual ? residual[i] : 0);
            dst[i] = with_relu ? relu(value) : value;
        }
    }
}

const scalar_op TYPED(scalar_batch_norm) = {
    .flags = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU, .inplace_inputs = 1, .check = check, .run = run};
