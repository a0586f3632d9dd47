/* small_run.h - training runs of a tiny network on the set of train_data.h, in the test's own folder; stopped and resumed, and
 * their files compared. Failures of the expect functions end the test. */
#ifndef SHUNT_TESTS_SMALL_RUN_H
#define SHUNT_TESTS_SMALL_RUN_H

#include "tests/support/train_data.h"
#include <shunt/train.h>

enum { PICTURES = 14, EPOCHS = 4, BATCH = 8 }; /* 5 x 14, 14 held out: 7 steps an epoch */

typedef struct run_setup {
    const char *out, *model, *field, *value; /* a field of the recipe, or NULL */
    const char *more_field, *more_value;     /* a second one */
    int64_t side;                            /* of the pictures; 0: 4 */
    int64_t workers;
    bool log_gradients;
    double loss_scale;
    const char *precision; /* or NULL */
    const char *device;    /* NULL: plain C */
    shunt_train_handler handler;
    void *context;
} run_setup;

typedef struct run_parts {
    shunt_device *device;
    shunt_model *model;
    shunt_dataset *data, *test;
    shunt_recipe recipe;
    shunt_trainer *trainer;
} run_parts;

/* A trainer from a fresh model. run_end is to be called whatever the result. */
shunt_status run_begin(const run_setup *setup, run_parts *parts);
void run_end(run_parts *parts);

/* The path OUT/last.ckpt. */
const char *run_checkpoint(const char *out, char path[64]);

/* Trains from OUT's checkpoint, if there is one. */
shunt_status run_continue(const run_setup *setup, int *finished);
void run_whole(const run_setup *setup);

/* A handler: stops after every third step. context: an int that counts them, 0 at first. */
int run_stop_often(void *context, const shunt_train_event *event);

/* A handler: stops after the first step. */
int run_stop_at_once(void *context, const shunt_train_event *event);

/* Every tensor of file A is in B, bit for bit, and no other. */
void expect_same_file(const char *a, const char *b);

#endif
