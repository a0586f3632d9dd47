/* softmax.c - how SOFTMAX is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    op->outputs[0] = dice_matrix(d);
    dice_input(op, op->outputs[0], 0);
}

/* The argument of exp() is rounded before it is raised: that error grows with its size. */
static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    int64_t N = d->inputs[0].dims[0], C = d->inputs[0].dims[1];
    for (int64_t n = 0; n < N; n++) {
        const double *x = in[0] + n * C;
        double most, sum = naive_exp_sum(x, C, &most);
        for (int64_t c = 0; c < C; c++) {
            double share = exp(x[c] - most) / sum;
            out[0][n * C + c] = share;
            scale[0][n * C + c] = share * (3 + most - x[c]);
        }
    }
}

const verify_op verify_softmax = {
    .draw = draw,
    .reference = reference,
};
