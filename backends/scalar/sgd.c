/* sgd.c - one step of SGD with momentum on weights and velocity, in place; op.h has the formulas. */
#include "op.h"

#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    static const char *const names[] = {"weights", "velocity", "diff"};
    const shunt_tensor_desc *weights = &desc->inputs[0];
    shunt_status status = scalar_expect_dims(&desc->inputs[3], "rate", 1, (int64_t[]){1});
    for (int i = 1; i < 3 && !status; i++) status = scalar_expect_same(&desc->inputs[i], names[i], weights);
    for (int i = 0; i < 2 && !status; i++) status = scalar_expect_same(&desc->outputs[i], names[i], weights);
    if (!status) status = scalar_expect_number(desc, SHUNT_FLAG_SCALE, "scale");
    if (!status) status = scalar_expect_number(desc, SHUNT_FLAG_SKIP, "skip");
    if (status || !(desc->flags & SHUNT_FLAG_LARS)) return status;
    return scalar_expect_dims(&desc->inputs[desc->ninputs - 1], "squares", 1, (int64_t[]){2});
}

/* What LARS multiplies the step by. */
static real trust_of(const shunt_op_desc *desc, const real *squares, real scale)
{
    const real weights = sqrt(squares[0]), diff = scale * sqrt(squares[1]);
    const shunt_sgd_attr *attr = &desc->attr.sgd;
    return weights > 0 && diff > 0 ? (real)attr->trust * weights / (diff + (real)attr->weight_decay * weights) : 1;
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t count = (int64_t)shunt_tensor_count(&desc->inputs[0]);
    const real *old_weights = inputs[0], *old_velocity = inputs[1], *diff = inputs[2], rate = *(const real *)inputs[3];
    real *weights = outputs[0], *velocity = outputs[1];
    real momentum = (real)desc->attr.sgd.momentum, weight_decay = (real)desc->attr.sgd.weight_decay;
    bool nesterov = desc->flags & SHUNT_FLAG_NESTEROV, scaled = desc->flags & SHUNT_FLAG_SCALE;
    real scale = flag_number(desc, inputs, SHUNT_FLAG_SCALE, 1);
    const bool lars = desc->flags & SHUNT_FLAG_LARS;
    const real trust = lars ? trust_of(desc, inputs[desc->ninputs - 1], scale) : 1;
    if (flag_number(desc, inputs, SHUNT_FLAG_SKIP, 0) != 0) {
        memmove(weights, old_weights, (size_t)count * sizeof *weights);
        memmove(velocity, old_velocity, (size_t)count * sizeof *velocity);
        return;
    }
#pragma omp parallel for simd num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) {
        real d = scaled ? scale * diff[i] : diff[i];
        real decayed = d + weight_decay * old_weights[i], g = lars ? trust * decayed : decayed;
        real v = momentum * old_velocity[i] + g;
        velocity[i] = v;
        weights[i] = old_weights[i] - rate * (nesterov ? g + momentum * v : v);
    }
}

const scalar_op TYPED(scalar_sgd) = {
    .flags = SHUNT_FLAG_NESTEROV | SHUNT_FLAG_SCALE | SHUNT_FLAG_SKIP | SHUNT_FLAG_LARS,
    .inplace_inputs = 1,
    .check = check,
    .run = run,
};
