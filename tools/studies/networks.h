/* networks.h - trained networks that are given as weight files, for studies that only look at them. */
#ifndef SHUNT_TOOLS_STUDIES_NETWORKS_H
#define SHUNT_TOOLS_STUDIES_NETWORKS_H

#include "study.h"
#include <shunt/look.h>

enum { NETWORKS_MOST = 32, NETWORK_NAME = 64 };

typedef struct networks {
    shunt_device *device;
    shunt_dataset *data; /* what there is to test on */
    shunt_model *models[NETWORKS_MOST];
    char names[NETWORKS_MOST][NETWORK_NAME]; /* "resnet20"; the second of that name is "resnet20 (2)" */
    size_t count;
    int64_t pictures; /* to look at */
} networks;

/* From the settings and job->files. Returns an EXIT_ number; of a failure, too, it is to be closed. */
int networks_open(const study_job *job, networks *out);
void networks_close(networks *self);

/* A progress line over `total` pictures; networks_progress is for the library's options, whose context is NULL. */
void networks_progress_begin(const char *label, int64_t total);
void networks_progress(void *context, int64_t done);
void networks_progress_end(void);

/* The number in a network's name; and whether it is a plain one. */
long network_depth(const char *name);
bool network_is_plain(const char *name);

#endif
