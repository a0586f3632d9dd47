/* head.c - from a network's scores to probabilities: one class of several, one of two, or each class for itself. */
#include "models/model.h"
#include "runtime/base/error.h"

#include <math.h>

static const char *const names[] = {
    [SHUNT_HEAD_AUTO] = "auto",
    [SHUNT_HEAD_SOFTMAX] = "softmax",
    [SHUNT_HEAD_SIGMOID] = "sigmoid",
    [SHUNT_HEAD_MULTI_LABEL] = "multi-label",
};
enum { NHEADS = sizeof names / sizeof *names };

const char *shunt_head_name(shunt_head head)
{
    return (unsigned)head < NHEADS ? names[head] : NULL;
}

int64_t head_outcomes(shunt_head head, int64_t scores)
{
    return head == SHUNT_HEAD_SIGMOID ? 2 : scores;
}

void model_usual_head(shunt_model *model, bool sigmoid)
{
    model->usual_head = model->net.classes == 1 ? SHUNT_HEAD_SIGMOID
                        : sigmoid               ? SHUNT_HEAD_MULTI_LABEL
                                                : SHUNT_HEAD_SOFTMAX;
    model->head = model->usual_head;
}

shunt_head shunt_model_head(const shunt_model *model)
{
    if (!model) return (shunt_head){0};
    return model->head;
}

int64_t shunt_model_outcomes(const shunt_model *model)
{
    if (!model) return 0;
    return head_outcomes(model->head, model->net.classes);
}

shunt_status shunt_model_set_head(shunt_model *model, shunt_head head)
{
    if (!model) return error_null(__func__, "model");
    const int64_t before = shunt_model_outcomes(model), scores = model->net.classes;
    if ((unsigned)head >= NHEADS) return error_fail(SHUNT_E_INVALID, "there is no head number %d", (int)head);
    if (head == SHUNT_HEAD_AUTO) head = model->usual_head;
    if (head == SHUNT_HEAD_SIGMOID && scores != 1)
        return error_fail(SHUNT_E_INVALID,
                          "%s gives %lld scores; a sigmoid head has one (multi-label takes the sigmoid of each)",
                          model->net.name, (long long)scores);
    if (head == SHUNT_HEAD_SOFTMAX && scores == 1)
        return error_fail(SHUNT_E_INVALID, "%s gives one score, whose softmax is always 1; use sigmoid",
                          model->net.name);
    model->head = head;
    if (shunt_model_outcomes(model) == before) return SHUNT_OK;
    labels_free(model->labels, before);
    model->labels = NULL;
    return SHUNT_OK;
}

/* The largest score, and the sum of exp(score - largest). Not by fmax(), which ends GCC 12 for aarch64 here (an internal error). */
static double sum_exp(const float *scores, size_t n, double *largest)
{
    double sum = 0;
    *largest = -INFINITY;
    for (size_t i = 0; i < n; i++)
        if ((double)scores[i] > *largest) *largest = (double)scores[i];
    for (size_t i = 0; i < n; i++) sum += exp((double)scores[i] - *largest);
    return sum;
}

static void softmax(const float *scores, size_t n, double *probabilities)
{
    double largest, sum = sum_exp(scores, n, &largest);
    for (size_t i = 0; i < n; i++) probabilities[i] = exp((double)scores[i] - largest) / sum;
}

void shunt_softmax(const float *scores, size_t n, float *probabilities)
{
    if (!scores || !probabilities) return;
    double largest, sum = sum_exp(scores, n, &largest);
    for (size_t i = 0; i < n; i++) probabilities[i] = (float)(exp((double)scores[i] - largest) / sum);
}

void head_probabilities(shunt_head head, const float *scores, size_t n, double *probabilities)
{
    switch (head) {
    case SHUNT_HEAD_SIGMOID:
        probabilities[0] = 1 / (1 + exp((double)scores[0]));
        probabilities[1] = 1 / (1 + exp(-(double)scores[0]));
        break;
    case SHUNT_HEAD_MULTI_LABEL:
        for (size_t i = 0; i < n; i++) probabilities[i] = 1 / (1 + exp(-(double)scores[i]));
        break;
    default:
        softmax(scores, n, probabilities);
    }
}
