/* max_pool.c - how MAX_POOL is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"
#include "runtime/verify/ops/pool.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    pool_draw(d, op, false);
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    for (int64_t i = 0; i < (int64_t)shunt_tensor_count(&d->outputs[0]); i++) {
        const pool_window window = pool_at(d, in[0], i);
        out[0][i] = window.nan ? (double)NAN : window.most;
    }
}

const verify_op verify_max_pool = {
    .draw = draw,
    .reference = reference,
    .linear = true,
};
