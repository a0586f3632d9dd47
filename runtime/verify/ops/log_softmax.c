/* log_softmax.c - how LOG_SOFTMAX is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_matrix(d);
    dice_input(op, op->outputs[0], 0);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t N = d->inputs[0].dims[0], C = d->inputs[0].dims[1];
    for (int64_t n = 0; n < N; n++) {
        const double *x = in[0] + n * C;
        double most, sum = naive_exp_sum(x, C, &most);
        for (int64_t c = 0; c < C; c++) {
            out[0][n * C + c] = x[c] - most - log(sum);
            scale[0][n * C + c] = 1 + fabs(x[c]) + fabs(most) + log(sum);
        }
    }
}

const verify_op verify_log_softmax = {
    .draw = draw,
    .reference = reference,
};
