/* sgd.c - how SGD is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static void draw(dice *d, shunt_op_desc *op)
{
    shunt_tensor_desc weights = dice_parameter(d);
    for (int i = 0; i < 3; i++) dice_input(op, weights, 0);
    dice_input(op, dice_tensor(1, 1, 0, 0, 0), 0);
    op->noutputs = 2;
    op->outputs[0] = op->outputs[1] = weights;
    static const uint32_t flags[] = {SHUNT_FLAG_NESTEROV, SHUNT_FLAG_SCALE, SHUNT_FLAG_SKIP};
    for (int i = 0; i < 3; i++) {
        if (dice_one_in(d, 2)) continue;
        op->flags |= flags[i];
        if (flags[i] != SHUNT_FLAG_NESTEROV) dice_input(op, dice_tensor(1, 1, 0, 0, 0), 0);
    }
    if (dice_one_in(d, 2)) {
        op->flags |= SHUNT_FLAG_LARS;
        dice_input(op, dice_tensor(1, 2, 0, 0, 0), 0);
        op->attr.sgd.trust = dice_one_in(d, 4) ? 1 : 1e-3f;
    }
    op->attr.sgd.momentum = dice_one_in(d, 4) ? 0 : 0.9f;
    op->attr.sgd.weight_decay = dice_one_in(d, 4) ? 0 : 1e-2f;
}

enum { TRUST_ROUNDINGS = 6 }; /* steps in which trust_of rounds, and one that multiplies by it */

static uint32_t skip_input(const shunt_op_desc *d)
{
    return shunt_op_flag_input(d->kind, d->flags, SHUNT_FLAG_SKIP);
}

static double trust_of(const shunt_op_desc *d, const double *squares, double factor)
{
    const double weights = sqrt(squares[0]), diff = factor * sqrt(squares[1]);
    const shunt_sgd_attr *attr = &d->attr.sgd;
    return weights > 0 && diff > 0 ? (double)attr->trust * weights / (diff + (double)attr->weight_decay * weights) : 1;
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    double momentum = (double)d->attr.sgd.momentum, decay = (double)d->attr.sgd.weight_decay, rate = in[3][0];
    const double factor = d->flags & SHUNT_FLAG_SCALE ? in[4][0] : 1;
    const bool lars = d->flags & SHUNT_FLAG_LARS;
    const bool skip = d->flags & SHUNT_FLAG_SKIP && in[skip_input(d)][0] != 0;
    const double trust = lars ? trust_of(d, in[d->ninputs - 1], factor) : 1;
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) {
        double diff = factor * in[2][i];
        double g = trust * (diff + decay * in[0][i]), size = trust * (fabs(diff) + decay * fabs(in[0][i]));
        if (lars) size *= TRUST_ROUNDINGS;
        double velocity = momentum * in[1][i] + g, velocity_size = momentum * fabs(in[1][i]) + size;
        bool nesterov = d->flags & SHUNT_FLAG_NESTEROV;
        out[0][i] = in[0][i] - rate * (nesterov ? g + momentum * velocity : velocity);
        out[1][i] = velocity;
        scale[0][i] = fabs(in[0][i]) + rate * (nesterov ? size + momentum * velocity_size : velocity_size);
        scale[1][i] = velocity_size;
        for (int o = 0; o < 2 && skip; o++) {
            out[o][i] = in[o][i];
            scale[o][i] = 0; /* exactly */
        }
    }
}

/* Rate, scale and squares are not negative; skip is 0 in half of the cases, and squares are in some. */
static double element(const shunt_op_desc *desc, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)name;
    if (desc->flags & SHUNT_FLAG_SKIP && input == skip_input(desc)) return u < 0.5 ? 0 : 3;
    if (desc->flags & SHUNT_FLAG_LARS && input == desc->ninputs - 1) return i == 1 && u < 0.125 ? 0 : 10 * u;
    return input >= 3 ? u : 2 * u - 1;
}

const verify_op verify_sgd = {
    .draw = draw,
    .reference = reference,
    .element = element,
    .nonfinite_input = 2,
};
