/* cross_entropy.c - losses (N) = -sum of t * log(softmax(logits)), diff_logits (N,C) = (softmax(logits) - t) / N, where t is
 * 1 - smoothing at the label, and smoothing / C is added to all. A label that is no class makes its row NaN: loss and
 * gradient; so does a NaN among the logits. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *logits = &desc->inputs[0], *labels = &desc->inputs[1];
    float smoothing = desc->attr.cross_entropy.smoothing;
    shunt_status status = scalar_expect_rank(logits, "logits", 2);
    if (!status) status = scalar_expect_dims(labels, "labels", 1, logits->dims);
    if (!status) status = scalar_expect_same(&desc->outputs[0], "losses", labels);
    if (!status) status = scalar_expect_same(&desc->outputs[1], "diff_logits", logits);
    if (!status && !(smoothing >= 0 && smoothing <= 1))
        return scalar_fail(SHUNT_E_INVALID, "smoothing is %g, not in 0 .. 1", (double)smoothing);
    return status;
}

/* -log(softmax(x)[c]) = log(sum of exp(x - most)) - (x[c] - most); returns the loss. Terms with t = 0 do not count. */
static real row(int64_t C, const real *logits, int64_t label, real smoothing, real *share)
{
    real most = logits[0], sum = 0, mean = 0;
    for (int64_t c = 1; c < C; c++) most = logits[c] > most ? logits[c] : most;
    for (int64_t c = 0; c < C; c++) {
        share[c] = exp(logits[c] - most);
        sum += share[c];
        mean += (logits[c] - most) / (real)C;
    }
    for (int64_t c = 0; c < C; c++) share[c] /= sum;
    real loss = log(sum);
    if (smoothing < 1) loss -= (1 - smoothing) * (logits[label] - most);
    return smoothing > 0 ? loss - smoothing * mean : loss;
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    int64_t N = desc->inputs[0].dims[0], C = desc->inputs[0].dims[1];
    real smoothing = (real)desc->attr.cross_entropy.smoothing;
    const real *logits = inputs[0], *labels = inputs[1];
    real *losses = outputs[0], *diff_logits = outputs[1];
#pragma omp parallel for num_threads(threads) if (N * C > SCALAR_SMALL)
    for (int64_t n = 0; n < N; n++) {
        bool known = labels[n] >= 0 && labels[n] < (real)C;
        int64_t label = known ? (int64_t)labels[n] : 0;
        real *diff = diff_logits + n * C, loss = row(C, logits + n * C, label, smoothing, diff);
        losses[n] = known ? loss : (real)NAN;
        for (int64_t c = 0; c < C; c++) {
            real wanted = (c == label ? 1 - smoothing : 0) + smoothing / (real)C;
            diff[c] = known ? (diff[c] - wanted) / (real)N : (real)NAN;
        }
    }
}

const scalar_op TYPED(scalar_cross_entropy) = {.check = check, .run = run};
