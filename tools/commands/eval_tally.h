/* eval_tally.h - counts right and wrong answers of an evaluation, and prints them: in all, by class, and confused classes. */
#ifndef SHUNT_TOOLS_EVAL_TALLY_H
#define SHUNT_TOOLS_EVAL_TALLY_H

#include <jansson.h>
#include <shunt/shunt.h>
#include <stdbool.h>

typedef struct tally_class {
    uint64_t count, wrong1, wrong5;
} tally_class;

typedef struct tally_pair {
    int64_t label, predicted;
    uint64_t count;
} tally_pair;

typedef struct tally {
    shunt_head head;
    double threshold; /* of a class that counts; not for softmax */
    int64_t classes;
    uint64_t count, wrong1, wrong5, bad; /* bad: pictures that could not be read; in no other count */
    uint64_t missed, named;              /* multi-label: labels below the threshold; classes above it */
    tally_class *by_class;
    tally_pair *pairs; /* one a wrong picture, until tally_sort */
    size_t npairs, room;
} tally;

/* All of these print why when they fail. */
int tally_begin(tally *self, const shunt_model *model, double threshold);
void tally_end(tally *self);
/* Counts one picture. *best: the most probable class, or that which the threshold chooses of two. */
int tally_add(tally *self, const double *probabilities, int64_t label, int64_t *best);
/* Adds up what all ranks counted: on rank 0 the tally is then of all. */
int tally_merge(tally *self, shunt_ranks *ranks);
/* Before the pairs are printed: each once, the most frequent first. */
void tally_sort(tally *self);

/* The classes that there were pictures of; the `most` most frequent mistakes. Named by the model's labels, if it has any. */
int tally_print_classes(const tally *self, const shunt_model *model);
int tally_print_pairs(const tally *self, const shunt_model *model, size_t most);
json_t *tally_classes_json(const tally *self, const shunt_model *model);
json_t *tally_pairs_json(const tally *self, const shunt_model *model, size_t most);

#endif
