/* add.c - dst = a + b, any rank, ReLU on request; with BROADCAST axes of 1 are repeated. */
#include "pair.h"

static void run_broadcast(const shunt_op_desc *desc, const real *a, const real *b, real *dst, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    bool with_relu = desc->flags & SHUNT_FLAG_RELU;
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) {
        int64_t at[SHUNT_MAX_RANK];
        unravel(&desc->outputs[0], i, at);
        real sum = a[pair_index(&desc->inputs[0], at)] + b[pair_index(&desc->inputs[1], at)];
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
    .flags = SHUNT_FLAG_RELU | SHUNT_FLAG_BROADCAST, .inplace_inputs = 3, .check = pair_check, .run = run};
