/* smooth_l1.c - SMOOTH_L1: of each place the loss of all its channels, and the gradient by each element of src. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0];
    const float beta = desc->attr.smooth_l1.beta;
    shunt_status status = scalar_expect_same(&desc->inputs[1], "target", src);
    if (!status) status = scalar_expect_places(desc, 2, "weights");
    if (!status) status = scalar_expect_same(&desc->outputs[0], "losses", &desc->inputs[2]);
    if (!status) status = scalar_expect_same(&desc->outputs[1], "diff_src", src);
    if (!status && !(beta >= 0 && isfinite(beta)))
        return scalar_fail(SHUNT_E_INVALID, "beta is %g, not 0 or more", (double)beta);
    return status;
}

/* One channel. *diff: by src. */
static real one(real off, real beta, real *diff)
{
    const real size = fabs(off);
    if (size < beta) {
        *diff = off / beta;
        return off * off / (2 * beta);
    }
    *diff = off > 0 ? 1 : off < 0 ? -1 : off;
    return size - beta / 2;
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t C = desc->inputs[0].dims[1], places = (int64_t)shunt_tensor_count(&desc->inputs[2]),
                  inner = places / desc->inputs[0].dims[0];
    const real beta = (real)desc->attr.smooth_l1.beta;
    const real *src = inputs[0], *target = inputs[1], *weights = inputs[2];
    real *losses = outputs[0], *diff_src = outputs[1];
#pragma omp parallel for num_threads(threads) if (places * C > SCALAR_SMALL)
    for (int64_t i = 0; i < places; i++) {
        const int64_t first = i / inner * C * inner + i % inner;
        real sum = 0;
        for (int64_t c = 0; c < C; c++) {
            const int64_t at = first + c * inner;
            real diff;
            sum += one(src[at] - target[at], beta, &diff);
            diff_src[at] = weights[i] * diff;
        }
        losses[i] = weights[i] * sum;
    }
}

const scalar_op TYPED(scalar_smooth_l1) = {.check = check, .run = run};
