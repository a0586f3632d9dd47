/* avg_pool_grad.c - how AVG_POOL_GRAD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/naive.h"
#include "runtime/verify/ops/pool.h"

static void draw(dice *d, shunt_op_desc *op)
{
    dice_gradient_of(d, SHUNT_OP_AVG_POOL, op);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const shunt_pool_attr *a = &d->attr.pool;
    const shunt_tensor_desc *diff_dst = &d->inputs[0];
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(diff_dst); i++) {
        int64_t places[POOL_MOST], count = pool_places(d, diff_dst, i, places);
        double divisor = a->count_padding ? (double)a->window[0] * a->window[1] : (double)count;
        for (int64_t j = 0; j < count; j++) naive_add(out, scale, 0, places[j], in[0][i] / divisor);
    }
}

const verify_op verify_avg_pool_grad = {
    .draw = draw,
    .reference = reference,
    .terms = pool_terms,
    .dst_inputs = 1u << 0,
    .makes_src = true,
};
