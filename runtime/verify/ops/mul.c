/* mul.c - how MUL is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/pair.h"

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++)
        naive_add(out, scale, 0, (int64_t)i,
                  in[0][naive_repeated(&d->inputs[0], &d->outputs[0], i)] *
                      in[1][naive_repeated(&d->inputs[1], &d->outputs[0], i)]);
}

const verify_op verify_mul = {
    .draw = pair_draw,
    .reference = reference,
    .linear = true,
};
