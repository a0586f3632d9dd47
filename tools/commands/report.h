/* report.h - what the files of shunt report share: the JSON of a report, as data/devices/README.md describes it. */
#ifndef SHUNT_TOOLS_REPORT_H
#define SHUNT_TOOLS_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* What is measured; see report_jobs.c. */
typedef struct report_plan {
    const char *device, *processor; /* their selectors; processor NULL: the device is one, or there is none */
    bool f16, bf16;                 /* the device takes such data */
    bool quick;
    double until;         /* report_now() at which nothing more is begun; 0: never */
    const json_t *before; /* an unfinished report of the same device: what it has is kept; NULL: there is none */
} report_plan;

/* Seconds of a clock that only goes on. */
double report_now(void);

/* Verdict of `shunt verify` on the device: {verdict, quick, checks, failed: [{check, problem, again}]} or {verdict, problem}. */
json_t *report_verify(const report_plan *plan);
/* All times: [{model, task, batch, precision, on, choice, and ms_per_image, images_per_second, prepare_ms; or problem}]; *roof: {gflops,
 * gbytes_per_second} of the device, or null. */
json_t *report_times(const report_plan *plan, json_t **roof);

/* The page, in Markdown, of a report. False: something is missing in it, or not of its type. */
bool report_print_page(const json_t *report, FILE *to);

#endif
