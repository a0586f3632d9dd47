/* eval_cost.h - how many multiply-adds the pictures of an evaluation took, in networks that choose their blocks. */
#ifndef SHUNT_TOOLS_EVAL_COST_H
#define SHUNT_TOOLS_EVAL_COST_H

#include <jansson.h>
#include <shunt/shunt.h>
#include <stdbool.h>

typedef struct eval_cost {
    double *values; /* one a picture; after eval_cost_merge in order of size */
    size_t count, room;
} eval_cost;

/* All of these print why when they fail. Pictures of networks without a policy, with 0, are not noted. */
int eval_cost_add(eval_cost *self, double multiply_adds);
/* On rank 0 then of all ranks. */
int eval_cost_merge(eval_cost *self, shunt_ranks *ranks);
void eval_cost_end(eval_cost *self);

/* Nothing where none were noted. model: the network, for what it takes at most. */
int eval_cost_print(const eval_cost *self, const shunt_model *model);
void eval_cost_put(json_t *report, const eval_cost *self, const shunt_model *model);

#endif
