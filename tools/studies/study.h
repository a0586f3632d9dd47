/* study.h - a study: one finding about residual networks as a command. It writes its measurements, which may take days and can be
 * interrupted, into results.csv; and it draws report.md and pictures from that file alone, so that they can be made again
 * anywhere. To add one: a file with a struct study, listed in ../study.c. */
#ifndef SHUNT_TOOLS_STUDY_H
#define SHUNT_TOOLS_STUDY_H

#include "commands/commands.h"
#include "lib/ranks.h"
#include "lib/csv.h"
#include "report.h"

typedef struct study_settings {
    const char *data, *depths, *models, *recipe, *out;
    int64_t budget, epochs, seeds, batch, limit, remove, repeats, seed; /* 0: not given */
    int64_t pictures;                                                   /* with --quick: to train on, and to test on */
    bool redraw, quick;
    device_settings device;
    json_settings output;
} study_settings;

/* Options that not every study has a use for: the others refuse them. */
enum {
    STUDY_DATA = 1 << 0,
    STUDY_TRAINS = 1 << 1, /* --budget, --epochs, --seeds, --recipe, --batch */
    STUDY_DEPTHS = 1 << 2,
    STUDY_MODELS = 1 << 3,
    STUDY_FILES = 1 << 4, /* weight files behind the name */
    STUDY_LIMIT = 1 << 5,
    STUDY_LESION = 1 << 6 /* --remove, --repeats, --seed */
};

typedef struct study study;
struct study_network;

typedef struct study_job {
    const study *study;
    const study_settings *settings;
    char **files;       /* ended by NULL */
    json_t *plan;       /* how a study that trains began (plan.h); NULL: it begins now */
    shunt_ranks *ranks; /* share out the runs; rank 0 alone writes what is not in a run's folder */
    csv results;        /* with the study's columns; study_update writes it */
} study_job;

/* What --quick puts in the place of what was not typed: minutes on two cores, on purpose too little for the finding itself. */
typedef struct study_quick {
    const char *depths, *models;
    int64_t pictures, epochs, batch, seeds, limit, remove, repeats;
} study_quick;

/* The name of a recipe that --quick has changed; results tell by it what they are. */
#define STUDY_QUICK "quick"

struct study {
    const char *name, *summary;
    unsigned takes;             /* STUDY_ */
    const char *const *columns; /* of results.csv, ended by NULL */
    study_quick quick;
    const char *later; /* results of before may lack this column and those behind it; NULL: none */
    /* Fills job->results, calling study_update whenever there is more to see, and at the end. Returns an EXIT_ number. */
    int (*measure)(study_job *job);
    /* For studies that look into trained networks, whose measure is networks_measure: appends the rows of one (networks.h). */
    int (*look)(study_job *job, const struct study_network *one);
    /* Writes into the report what the results say, and draws. */
    int (*draw)(const csv *results, report *out);
};

/* Writes results.csv, report.md and the pictures. Returns an EXIT_ number. */
int study_update(const study_job *job);

extern const study degradation_study, gradients_study, ablation_study, responses_study, lesion_study, table6_study,
    precision_study, prune_study, batch_study;

#endif
