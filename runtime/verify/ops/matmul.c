/* matmul.c - how MATMUL is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    int64_t B = dice_between(d, 1, 4), M = dice_between(d, 1, 9), K = dice_between(d, 1, 30), N = dice_between(d, 1, 9);
    dice_input(op, dice_tensor(3, dice_one_in(d, 4) ? 1 : B, M, K, 0), 0);
    dice_input(op, dice_tensor(3, op->inputs[0].dims[0] == B && dice_one_in(d, 4) ? 1 : B, K, N, 0), 0);
    op->outputs[0] = dice_tensor(3, B, M, N, 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const int64_t *a = d->inputs[0].dims, *b = d->inputs[1].dims, *dst = d->outputs[0].dims;
    for (int64_t i = 0; i < dst[0] * dst[1] * dst[2]; i++) {
        int64_t n = i % dst[2], m = i / dst[2] % dst[1], batch = i / dst[2] / dst[1];
        for (int64_t k = 0; k < a[2]; k++) {
            double term = in[0][((a[0] == 1 ? 0 : batch) * a[1] + m) * a[2] + k] *
                          in[1][((b[0] == 1 ? 0 : batch) * b[1] + k) * b[2] + n];
            out[0][i] += term;
            scale[0][i] += fabs(term);
        }
    }
}

static double terms(const shunt_op_desc *d)
{
    return (double)d->inputs[0].dims[2];
}

const verify_op verify_matmul = {
    .draw = draw,
    .reference = reference,
    .terms = terms,
};
