/* focal_loss.c - FOCAL_LOSS: of each place the loss of all its classes, and the gradient by each logit. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *logits = &desc->inputs[0];
    const shunt_focal_loss_attr *a = &desc->attr.focal_loss;
    shunt_status status = scalar_expect_places(desc, 1, "labels");
    if (!status) status = scalar_expect_places(desc, 2, "weights");
    if (!status) status = scalar_expect_same(&desc->outputs[0], "losses", &desc->inputs[1]);
    if (!status) status = scalar_expect_same(&desc->outputs[1], "diff_logits", logits);
    if (!status && !(a->alpha >= 0 && a->alpha <= 1 && a->gamma >= 0 && isfinite(a->gamma)))
        return scalar_fail(SHUNT_E_INVALID, "alpha is %g and gamma %g, not in 0 .. 1 and 0 or more", (double)a->alpha,
                           (double)a->gamma);
    return status;
}

typedef struct focus {
    real alpha, gamma;
} focus;

static real power(real base, real exponent)
{
    return exponent == 2 ? base * base : pow(base, exponent);
}

/* One class. *diff: by the logit. */
static real one(const focus *f, real logit, bool is_label, real *diff)
{
    const real z = is_label ? logit : -logit, small = exp(-fabs(z));
    const real logarithm = (z < 0 ? z : 0) - log1p(small); /* of q = sigmoid(z) */
    const real other = (z < 0 ? 1 : small) / (1 + small), q = 1 / (1 + small) * (z < 0 ? small : 1); /* other: 1 - q */
    const real factor = (is_label ? f->alpha : 1 - f->alpha) * power(other, f->gamma);
    const real slope = factor * (f->gamma * q * logarithm - other);
    *diff = is_label ? slope : -slope;
    return -factor * logarithm;
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t C = desc->inputs[0].dims[1], places = (int64_t)shunt_tensor_count(&desc->inputs[1]),
                  inner = places / desc->inputs[0].dims[0];
    const focus f = {(real)desc->attr.focal_loss.alpha, (real)desc->attr.focal_loss.gamma};
    const real *logits = inputs[0], *labels = inputs[1], *weights = inputs[2];
    real *losses = outputs[0], *diff_logits = outputs[1];
#pragma omp parallel for num_threads(threads) if (places * C > SCALAR_SMALL)
    for (int64_t i = 0; i < places; i++) {
        const int64_t first = i / inner * C * inner + i % inner;
        real sum = 0;
        for (int64_t c = 0; c < C; c++) {
            real diff;
            sum += one(&f, logits[first + c * inner], (real)c == labels[i], &diff);
            diff_logits[first + c * inner] = weights[i] * diff;
        }
        losses[i] = weights[i] * sum;
    }
}

const scalar_op TYPED(scalar_focal_loss) = {.check = check, .run = run};
