/* runs.h - the training runs of a study: networks and seeds, each run in OUT/runs/NETWORK-sSEED, where an interrupted run
 * continues. All train on all training pictures and are tested after each epoch. */
#ifndef SHUNT_TOOLS_STUDIES_RUNS_H
#define SHUNT_TOOLS_STUDIES_RUNS_H

#include "lib/training_run.h"
#include "study.h"

enum { RUNS_MOST = 64, RUN_NAME = 32 };

struct run_context;
struct run_parts;

typedef struct run_list {
    char names[RUNS_MOST]
              [RUN_NAME]; /* "resnet20", with a shortcut option "resnet20-B", with a precision "resnet20-bf16" */
    size_t count;
    /* What the names stand for, where they are more than networks. base: the network that a name begins with, in text, which is returned.
     * check: whether a run of it, whose base is the model, can be made: before the first run. prepare: gives the parts of a run their
     * model, with initial weights, and recipe; as run_prepare does with a network's name. prepare_like: the same, where the run's rows
     * are there and another run's files may not be; its weights are not used. All of them or none, but check. */
    const char *(*base)(const char *name, char text[RUN_NAME]);
    int (*check)(const char *name, shunt_model *model);
    int (*prepare)(const struct run_context *run, const char *name, int64_t seed, struct run_parts *parts);
    int (*prepare_like)(const struct run_context *run, const char *name, int64_t seed, const csv *rows,
                        struct run_parts *parts);
    bool chained;           /* runs of one base and seed need each other: one rank makes them, in their order */
    int64_t recompute_from; /* networks of so many layers recompute activations; 0: none */
    bool log_gradients;
    /* Appends to the results what a run has in its folder so far. */
    int (*collect)(const char *folder, csv *results);
    /* Called before a run's first step, or when it continues; or NULL. The model has its initial weights. */
    int (*begin)(const struct run_context *run, const struct run_parts *parts, const char *folder);
    /* After a run's last step, also of a run that was finished before; or NULL. The trainer has its last weights. */
    int (*end)(const struct run_context *run, const struct run_parts *parts, const char *folder);
} run_list;

/* Appends "20,56" as numbers, or "resnet20,resnet20-B" as networks. What is wrong is refused by its option's name. */
int runs_parse_depths(const char *text, int64_t depths[RUNS_MOST], size_t *count);
int runs_parse_models(const char *text, run_list *list);
int runs_add(run_list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The precision that a run's name ends with, "bf16"; NULL: none. */
const char *run_precision(const char *name);

/* Trains all that is not finished, all networks with seed 1 first, and calls study_update after each epoch. A run that fails
 * is reported, and the others continue. Of several ranks each trains its share of the runs, and rank 0 alone calls study_update. */
int runs_train(study_job *job, const run_list *list);

/* ---- What runs.c, rows.c and budget.c share -------------------------------------------------------------------------- */

typedef struct run_context {
    study_job *job;
    const run_list *list;
    shunt_device *device;
    shunt_dataset *data, *test;
    csv *rows; /* of runs that were finished elsewhere (rows.h), by seed and network; without a row: not of this one */
    int64_t epochs;                    /* 0: as the recipe says */
    size_t chains[RUNS_MOST], nchains; /* what each run of the list belongs to, of what one rank makes as a whole */
} run_context;

/* A run that is ready to begin. */
typedef struct run_parts {
    shunt_model *model;
    shunt_recipe recipe;
    shunt_trainer *trainer;
} run_parts;

/* The model, with initial weights, and the recipe of a run of this network. And the recipe alone, for a model that is there. */
int run_prepare(const run_context *self, const char *name, int64_t seed, run_parts *parts);
int run_recipe(const run_context *self, const char *name, int64_t seed, run_parts *parts);
/* Where a run's files are. Returns path. */
const char *run_folder(const run_context *self, const char *name, int64_t seed, char path[4096]);
/* out NULL: nothing is written. */
int run_make(const run_context *self, const char *name, int64_t seed, const char *out, shunt_train_handler handler,
             void *context, run_parts *parts);
/* Model and recipe as they would be, to compare with its rows; without a trainer, which would read all pictures. */
int run_prepare_like(const run_context *self, const char *name, int64_t seed, const csv *rows, run_parts *parts);
void run_end(run_parts *parts);
/* The rows of a run that was finished elsewhere; NULL: it is not in the list, or not finished there. */
const csv *run_rows(const run_context *self, const char *name, int64_t seed);

/* budget.c: how many epochs of each network take so many minutes; 0: as the recipe says, there is time for all of it. Fails
 * with the estimate when it is not even one. */
int runs_budget(const run_context *self, int64_t minutes, int64_t seeds, int64_t *epochs);

/* ---- Results of runs: runs_results.c --------------------------------------------------------------------------------- */

/* FOLDER/run.csv, one row: what of a run does not change from epoch to epoch. */
#define RUNS_NOTE_COLUMNS "model", "seed", "data", "device", "recipe", "batch", "epochs", "steps", "parameters", "bytes"
extern const char *const runs_note_columns[];
int runs_note(const run_context *self, const run_parts *parts, const char *name, const char *folder);
/* Without a row where the run has not begun. To be ended. */
int runs_read_note(const char *folder, csv *note);
/* Appends its cells, the first ones of a row of results. */
void runs_put_note(const csv *note, csv *results);

/* A row for each epoch of each run. */
#define RUNS_LOG_COLUMNS "epoch", "step", "training_loss", "training_error", "test_loss", "test_error", "seconds"
extern const char *const runs_error_columns[];
/* run_list.collect for these columns. */
int runs_collect_errors(const char *folder, csv *results);
/* The same with columns between RUNS_NOTE_COLUMNS and RUNS_LOG_COLUMNS: from the only row of a file in the folder. */
int runs_collect_more(const char *folder, const char *file, const char *const *columns, csv *results);
typedef struct run_curves {
    const char *title, *name; /* name: of the picture's file */
    double y_most;            /* as in struct plot, as is y_fit */
    bool y_fit;
    bool training;    /* the training errors, too, as dashed lines */
    double y_hold[2]; /* as in struct plot */
} run_curves;
/* A picture of the models' test errors in per cent after each epoch, means over seeds with all seeds as a band. */
void runs_put_curves(const csv *results, const char *const *models, size_t count, const run_curves *wanted,
                     report *out);
/* All runs that have begun came to their last epoch. */
bool runs_are_finished(const csv *results);
/* A paragraph: data, device, recipe, and how the budget differs from the paper's. */
void runs_describe(const csv *results, report *out);

#endif
