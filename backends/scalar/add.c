/* add.c - dst = a + b, any rank, ReLU on request; with BROADCAST axes of 1 are repeated. */
#include "op.h"

static shunt_status check_broadcast(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *a = &desc->inputs[0], *b = &desc->inputs[1];
    int64_t dims[SHUNT_MAX_RANK] = {0};
    shunt_status status = scalar_expect_rank(b, "b", a->rank);
    if (status) return status;
    for (uint32_t i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i] && a->dims[i] != 1 && b->dims[i] != 1)
            return scalar_fail(SHUNT_E_INVALID, "a and b do not broadcast in axis %u", i);
        dims[i] = a->dims[i] == 1 ? b->dims[i] : a->dims[i];
    }
    return scalar_expect_dims(&desc->outputs[0], "dst", a->rank, dims);
}

static shunt_status check(const shunt_op_desc *desc)
{
    if (desc->flags & SHUNT_FLAG_BROADCAST) return check_broadcast(desc);
    shunt_status status = scalar_expect_same(&desc->inputs[1], "b", &desc->inputs[0]);
    return status ? status : scalar_expect_same(&desc->outputs[0], "dst", &desc->inputs[0]);
}

/* Index in a tensor whose axes of 1 are repeated. */
static int64_t repeated(const shunt_tensor_desc *t, const int64_t *at)
{
    int64_t index = 0;
    for (uint32_t i = 0; i < t->rank; i++) index = index * t->dims[i] + (t->dims[i] == 1 ? 0 : at[i]);
    return index;
}

static void run_broadcast(const shunt_op_desc *desc, const real *a, const real *b, real *dst, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    bool with_relu = desc->flags & SHUNT_FLAG_RELU;
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) {
        int64_t at[SHUNT_MAX_RANK];
        unravel(&desc->outputs[0], i, at);
        real sum = a[repeated(&desc->inputs[0], at)] + b[repeated(&desc->inputs[1], at)];
        dst[i] = with_relu ? relu(sum) : sum;
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    bool with_relu = desc->flags & SHUNT_FLAG_RELU;
    const real *a = inputs[0], *b = inputs[1];
    real *dst = outputs[0];
    if (desc->flags & SHUNT_FLAG_BROADCAST) {
        run_broadcast(desc, a, b, dst, threads);
        return;
    }
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) {
        real sum = a[i] + b[i];
        dst[i] = with_relu ? relu(sum) : sum;
    }
}

const scalar_op TYPED(scalar_add) = {
    .flags = SHUNT_FLAG_RELU | SHUNT_FLAG_BROADCAST, .inplace_inputs = 3, .check = check, .run = run};
