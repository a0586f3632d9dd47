/* batch_norm_train.c - mean and variance of a batch, and the batch norm by them. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    static const char *const names[] = {"src", "scale", "shift"};
    const shunt_tensor_desc *src = &desc->inputs[0];
    if (src->rank < 2) return scalar_fail(SHUNT_E_INVALID, "src has rank %u, not 2 or more", src->rank);
    shunt_status status = scalar_expect_dims(&desc->outputs[1], "mean", 1, &src->dims[1]);
    if (!status) status = scalar_expect_dims(&desc->outputs[2], "variance", 1, &src->dims[1]);
    for (int i = 1; i < 3 && !status; i++) status = scalar_expect_dims(&desc->inputs[i], names[i], 1, &src->dims[1]);
    if (status) return status;
    const float epsilon = desc->attr.batch_norm.epsilon;
    if (!(epsilon >= 0)) return scalar_fail(SHUNT_E_INVALID, "epsilon is %g", (double)epsilon);
    if (desc->flags & SHUNT_FLAG_RESIDUAL) status = scalar_expect_same(&desc->inputs[3], "residual", src);
    return status ? status : scalar_expect_same(&desc->outputs[0], "dst", src);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const void *residual = desc->flags & SHUNT_FLAG_RESIDUAL ? inputs[3] : NULL;
    const void *const parameters[] = {inputs[0], inputs[1], inputs[2], outputs[1], outputs[2], residual};
    TYPED(scalar_batch_statistics).run(desc, inputs, outputs + 1, threads);
    TYPED(scalar_batch_norm).run(desc, parameters, outputs, threads);
}

const scalar_op TYPED(scalar_batch_norm_train) = {
    .flags = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU, .check = check, .run = run};
