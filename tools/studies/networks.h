/* networks.h - trained networks for studies that look into them: given as weight files, or trained on the spot. */
#ifndef SHUNT_TOOLS_STUDIES_NETWORKS_H
#define SHUNT_TOOLS_STUDIES_NETWORKS_H

#include "runs.h"
#include "study.h"
#include <shunt/look.h>

enum { NETWORKS_MOST = 64, NETWORK_NAME = 64 };

typedef struct study_network {
    const char *name; /* "resnet20"; the second of that name is "resnet20 (2)" */
    const shunt_model *model;
    const shunt_weights *weights;
    shunt_device *device;
    const shunt_dataset *data; /* what there is to test on */
    int64_t pictures;          /* of it, to look at */
    const csv *origin;
} study_network;

/* struct study's measure, by its look: of each weight file, or of each network of --models once it is trained. */
int networks_measure(study_job *job);

/* The last columns of such a study, which tell how a network was trained, and struct study's later. They are empty where a
 * file does not tell; `data` is empty for every file. */
#define NETWORKS_COLUMNS RUNS_NOTE_COLUMNS, "epoch"
#define NETWORKS_LATER "model"
/* Appends their cells. */
void networks_put_origin(const study_network *one, csv *results);
/* How row's network was trained, for comparisons, "`paper`, 2 epochs, batch 128"; "" where that is not known. Returns text. */
const char *networks_training(const csv *results, size_t row, char text[96]);
/* Of networks that were trained on the spot: how, and how that differs from the paper's training. */
void networks_describe(const csv *results, report *out);

/* A progress line over `total` pictures; networks_progress is for the library's options, whose context is NULL. */
void networks_progress_begin(const char *label, int64_t total);
void networks_progress(void *context, int64_t done);
void networks_progress_end(void);

#endif
