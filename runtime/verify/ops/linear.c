/* linear.c - how LINEAR is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    int64_t N = dice_between(d, 1, 9), C = dice_between(d, 1, dice_one_in(d, 4) ? 600 : 40),
            K = dice_between(d, 1, dice_one_in(d, 4) ? 200 : 30);
    op->flags = (dice_one_in(d, 2) ? SHUNT_FLAG_BIAS : 0) | (dice_one_in(d, 2) ? SHUNT_FLAG_RELU : 0);
    dice_input(op, dice_tensor(2, N, C, 0, 0), 0);
    dice_input(op, dice_tensor(2, K, C, 0, 0), 1);
    if (op->flags & SHUNT_FLAG_BIAS) dice_input(op, dice_tensor(1, K, 0, 0, 0), 1);
    op->outputs[0] = dice_tensor(2, N, K, 0, 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t N = d->inputs[0].dims[0], C = d->inputs[0].dims[1], K = d->inputs[1].dims[0];
    for (int64_t n = 0; n < N; n++) {
        for (int64_t k = 0; k < K; k++) {
            double sum = d->flags & SHUNT_FLAG_BIAS ? in[2][k] : 0, size = fabs(sum);
            for (int64_t c = 0; c < C; c++) {
                sum += in[0][n * C + c] * in[1][k * C + c];
                size += fabs(in[0][n * C + c] * in[1][k * C + c]);
            }
            out[0][n * K + k] = naive_relu(d, sum);
            scale[0][n * K + k] = size;
        }
    }
}

const verify_op verify_linear = {
    .draw = draw,
    .reference = reference,
    .linear = true,
};
