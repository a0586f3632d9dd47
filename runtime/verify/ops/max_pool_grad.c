/* max_pool_grad.c - how MAX_POOL_GRAD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/pool.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_op_desc pool = dice_forward(d, SHUNT_OP_MAX_POOL, op);
    dice_input(op, pool.inputs[0], 0);
    dice_input(op, pool.outputs[0], 0);
    op->outputs[0] = pool.inputs[0];
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const shunt_tensor_desc *diff_dst = &d->inputs[1];
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(diff_dst); i++) {
        int64_t places[POOL_MOST], count = pool_places(d, diff_dst, i, places), first = 0;
        for (int64_t j = 1; j < count; j++)
            if (in[0][places[j]] > in[0][places[first]]) first = j;
        naive_add(out, scale, 0, places[first], in[1][i]);
    }
}

/* Sixteen values, so that there are equal ones in a window. */
static double element(const shunt_op_desc *desc, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)desc;
    (void)name;
    (void)i;
    return input == 0 ? floor(16 * u) / 8 - 1 : 2 * u - 1;
}

const verify_op verify_max_pool_grad = {
    .draw = draw,
    .reference = reference,
    .terms = pool_terms,
    .element = element,
    .dst_inputs = 1u << 1,
    .nonfinite_input = 1,
    .makes_src = true,
};
