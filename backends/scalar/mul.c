/* mul.c - dst = a * b, any rank; with BROADCAST axes of 1 are repeated. */
#include "pair.h"

static void run_broadcast(const shunt_op_desc *desc, const real *a, const real *b, real *dst, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) {
        int64_t at[SHUNT_MAX_RANK];
        unravel(&desc->outputs[0], i, at);
        dst[i] = a[pair_index(&desc->inputs[0], at)] * b[pair_index(&desc->inputs[1], at)];
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[0]);
    const real *a = inputs[0], *b = inputs[1];
    real *dst = outputs[0];
    if (desc->flags & SHUNT_FLAG_BROADCAST) {
        run_broadcast(desc, a, b, dst, threads);
        return;
    }
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) dst[i] = a[i] * b[i];
}

const scalar_op TYPED(scalar_mul) = {
    .flags = SHUNT_FLAG_BROADCAST, .inplace_inputs = 3, .check = pair_check, .run = run};
