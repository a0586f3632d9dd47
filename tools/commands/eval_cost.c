/* eval_cost.c - see eval_cost.h. */
#include "eval_cost.h"
#include "lib/args.h"
#include "lib/json_out.h"
#include "lib/say.h"
#include <stdlib.h>
#include <string.h>

int eval_cost_add(eval_cost *self, double multiply_adds)
{
    if (multiply_adds <= 0) return EXIT_OK;
    if (self->count == self->room) {
        const size_t room = self->room ? 2 * self->room : 1024;
        double *values = reallocarray(self->values, room, sizeof *values);
        if (!values) return say_failure("no memory for the multiply-adds of pictures");
        self->values = values;
        self->room = room;
    }
    self->values[self->count++] = multiply_adds;
    return EXIT_OK;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int eval_cost_merge(eval_cost *self, shunt_ranks *ranks)
{
    void *all = NULL;
    size_t bytes = 0;
    if (shunt_ranks_describe(ranks)->count > 1) {
        if (shunt_ranks_gather(ranks, self->values, self->count * sizeof *self->values, &all, &bytes))
            return say_library_failure(NULL);
        if (all) {
            free(self->values);
            self->values = all;
            self->count = self->room = bytes / sizeof *self->values;
        }
    }
    if (self->count) qsort(self->values, self->count, sizeof *self->values, by_value);
    return EXIT_OK;
}

void eval_cost_end(eval_cost *self)
{
    free(self->values);
    *self = (eval_cost){0};
}

static double mean_of(const eval_cost *self)
{
    double sum = 0;
    for (size_t i = 0; i < self->count; i++) sum += self->values[i];
    return sum / (double)self->count;
}

/* Which part of the pictures takes no more than this. */
static double quantile(const eval_cost *self, double part)
{
    return self->values[(size_t)(part * (double)(self->count - 1) + 0.5)];
}

int eval_cost_print(const eval_cost *self, const shunt_model *model)
{
    shunt_ghost ghost;
    if (!self->count) return EXIT_OK;
    printf("multiply-adds %.2f million a picture; least %.2f, a tenth below %.2f, half below %.2f, nine tenths below "
           "%.2f, most %.2f\n",
           1e-6 * mean_of(self), 1e-6 * quantile(self, 0), 1e-6 * quantile(self, 0.1), 1e-6 * quantile(self, 0.5),
           1e-6 * quantile(self, 0.9), 1e-6 * quantile(self, 1));
    if (shunt_model_ghost(model, &ghost)) return EXIT_OK; /* the first of several networks is a static one */
    printf("threshold    %g; all %zu blocks and the policy take %.2f million, the policy %.2f of them\n",
           ghost.threshold, ghost.blocks, 1e-6 * ghost.most, 1e-6 * ghost.policy);
    return EXIT_OK;
}

void eval_cost_put(json_t *report, const eval_cost *self, const shunt_model *model)
{
    shunt_ghost ghost;
    json_t *deciles;
    if (!self->count) return;
    deciles = json_array();
    for (int i = 0; i <= 10; i++) json_add(deciles, json_real(quantile(self, i / 10.0)));
    json_put(report, "multiply_adds", json_real(mean_of(self)));
    json_put(report, "multiply_adds_deciles", deciles);
    if (shunt_model_ghost(model, &ghost)) return;
    json_put(report, "ghost",
             json_pack("{s:f, s:I, s:f, s:f, s:f}", "threshold", ghost.threshold, "blocks", (json_int_t)ghost.blocks,
                       "policy_multiply_adds", ghost.policy, "least_multiply_adds", ghost.least, "most_multiply_adds",
                       ghost.most));
}
