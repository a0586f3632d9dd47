/* gather.c - how GATHER is drawn and computed. */
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/ops.h"

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_rows_attr *a = &op->attr.rows;
    const shunt_tensor_desc src = dice_activation(d);
    const int64_t numbers = dice_between(d, 1, 9);
    a->first = (int32_t)dice_between(d, 0, numbers - 1);
    a->count = (int32_t)dice_between(d, 1, numbers - a->first);
    dice_input(op, src, 0);
    dice_input(op, dice_tensor(1, numbers, 0, 0, 0), 0);
    op->outputs[0] = src;
    op->outputs[0].dims[0] = a->count;
}

/* From one below the first row to one above the last. */
static double element(const shunt_op_desc *d, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)name, (void)i;
    return input == 1 ? (double)(int64_t)(u * (double)(d->inputs[0].dims[0] + 2)) - 1 : 2 * u - 1;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    const int64_t N = d->inputs[0].dims[0], row = (int64_t)shunt_tensor_count(&d->inputs[0]) / N;
    for (int64_t i = 0; i < d->attr.rows.count * row; i++) {
        const double from = in[1][d->attr.rows.first + i / row];
        if (from >= 0 && from < (double)N) out[0][i] = in[0][(int64_t)from * row + i % row];
    }
}

const verify_op verify_gather = {
    .draw = draw,
    .reference = reference,
    .element = element,
};
