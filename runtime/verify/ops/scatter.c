/* scatter.c - how SCATTER is drawn and computed. */
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/ops.h"

static void draw(dice *d, shunt_op_desc *op)
{
    const shunt_tensor_desc src = dice_activation(d);
    const int64_t numbers = dice_between(d, 1, 9);
    shunt_tensor_desc rows = src;
    op->attr.rows.first = (int32_t)dice_between(d, 0, numbers - 1);
    rows.dims[0] = dice_between(d, 1, numbers - op->attr.rows.first);
    dice_input(op, src, 0);
    dice_input(op, rows, 0);
    dice_input(op, dice_tensor(1, numbers, 0, 0, 0), 0);
    op->outputs[0] = src;
}

/* Each row once, the last one first; before and behind there are numbers of no row. */
static double element(const shunt_op_desc *d, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)name;
    return input == 2 ? (double)d->inputs[0].dims[0] - (double)i : 2 * u - 1;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    const int64_t N = d->inputs[0].dims[0], R = d->inputs[1].dims[0];
    const int64_t row = (int64_t)shunt_tensor_count(&d->inputs[0]) / N;
    for (int64_t i = 0; i < N * row; i++) out[0][i] = in[0][i];
    for (int64_t i = 0; i < R * row; i++) {
        const double to = in[2][d->attr.rows.first + i / row];
        if (to >= 0 && to < (double)N) out[0][(int64_t)to * row + i % row] = in[1][i];
    }
}

const verify_op verify_scatter = {
    .draw = draw,
    .reference = reference,
    .element = element,
};
