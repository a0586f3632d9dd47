/* summary.h - the last line of a command that runs pictures, on standard error: how many, where, how fast, how many failed. */
#ifndef SHUNT_TOOLS_SUMMARY_H
#define SHUNT_TOOLS_SUMMARY_H

#include <shunt/shunt.h>

typedef struct run_summary {
    shunt_model *model;
    shunt_device *device;
    shunt_tensor_desc input; /* of a run that has been done; its plan says which steps ran elsewhere */
    size_t pictures, failed;
    double seconds;
    const shunt_detect_options *detect; /* of networks that find objects */
} run_summary;

void summary_say(const run_summary *self);
/* Seconds from some moment on. */
double summary_clock(void);

#endif
