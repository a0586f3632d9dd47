/* tune.h - what the files of shunt tune share: the worker tells what it does as lines of JSON, the parent collects them, and the report
 * shows them. */
#ifndef SHUNT_TOOLS_TUNE_H
#define SHUNT_TOOLS_TUNE_H

#include "commands.h"

#include <stdio.h>

typedef struct tune_settings {
    model_settings model;
    device_settings device;
    int64_t batch, time_limit, size[2];
    bool fast, full, retry, force;
    json_settings output;
} tune_settings;

typedef struct tuning {
    const tune_settings *settings;
    shunt_model *model;
    FILE *parent; /* the worker's end */

    json_t *trial;  /* the line of the trial that is under way, of an algorithm or a precision; or NULL */
    json_t *killed; /* the line of a trial in which a worker was killed, or NULL */
    json_t *chosen, *dropped, *device;
    json_t *precisions, *fast; /* lines of the network in each type; of what "fast" is now, or NULL */
    char skip[16];             /* types that hung or crashed a worker */
    char failure[1024];        /* why a worker gave up */
    bool started, heard_trial;
    json_int_t ops, known;
} tuning;

/* tune_worker.c: the work of a worker (lib/supervise.h). */
int tune_work(void *context, FILE *parent);

/* tune_report.c: on standard output. */
int tune_report(const tuning *self);

/* Of a line. */
static inline const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static inline double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

#endif
