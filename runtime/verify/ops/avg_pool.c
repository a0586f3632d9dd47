/* avg_pool.c - how AVG_POOL is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/pool.h"

static void draw(dice *d, shunt_op_desc *op)
{
    pool_draw(d, op, true);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    const shunt_pool_attr *a = &d->attr.pool;
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->outputs[0]); i++) {
        const pool_window window = pool_at(d, in[0], i);
        double divisor = a->count_padding ? (double)a->window[0] * a->window[1] : (double)window.inside;
        out[0][i] = window.sum / divisor;
        scale[0][i] = window.size / divisor;
    }
}

const verify_op verify_avg_pool = {
    .draw = draw,
    .reference = reference,
    .terms = pool_terms,
    .linear = true,
};
