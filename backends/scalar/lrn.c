/* lrn.c - dst (N,C,...) = src / (bias + alpha / size * sum)^beta; the sum is of src^2 over `size` neighbouring channels. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_lrn_attr *attr = &desc->attr.lrn;
    if (desc->inputs[0].rank < 2)
        return scalar_fail(SHUNT_E_INVALID, "src has rank %u, not 2 or more", desc->inputs[0].rank);
    if (attr->size < 1) return scalar_fail(SHUNT_E_INVALID, "size %d is less than 1", attr->size);
    return scalar_expect_same(&desc->outputs[0], "dst", &desc->inputs[0]);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const shunt_lrn_attr *attr = &desc->attr.lrn;
    const int64_t N = desc->inputs[0].dims[0], C = desc->inputs[0].dims[1];
    const int64_t area = (int64_t)shunt_tensor_count(&desc->inputs[0]) / (N * C);
    const real factor = (real)attr->alpha / (real)attr->size, beta = (real)attr->beta, bias = (real)attr->bias;
#pragma omp parallel for num_threads(threads) if (N * C * area > SCALAR_SMALL)
    for (int64_t plane = 0; plane < N * C; plane++) {
        const int64_t c = plane % C, before = (attr->size - 1) / 2, after = attr->size / 2;
        const int64_t first = c > before ? -before : -c, last = c + after < C ? after : C - 1 - c;
        const real *src = (const real *)inputs[0] + plane * area;
        real *dst = (real *)outputs[0] + plane * area;
        for (int64_t i = 0; i < area; i++) {
            real sum = 0;
            for (int64_t k = first; k <= last; k++) sum += src[k * area + i] * src[k * area + i];
            dst[i] = src[i] / pow(bias + factor * sum, beta);
        }
    }
}

const scalar_op TYPED(scalar_lrn) = {.check = check, .run = run};
