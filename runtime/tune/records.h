/* records.h - the result of the journal's lines for each candidate on each device. In memory; one thread at a
 * time. Time and memory grow with the number of lines, not with its square. */
#ifndef SHUNT_RUNTIME_TUNE_RECORDS_H
#define SHUNT_RUNTIME_TUNE_RECORDS_H

#include "runtime/tune/tune.h"

/* A begin of this process counts until its end. A later one takes its place: a process has one trial at a time. */
void records_begin(const char *device, const char *algorithm, const char *params, unsigned process);
/* verdict: SAFE, WRONG or FAILED; UNFINISHED: shunt tune saw it hang or crash. */
void records_end(const char *device, const char *algorithm, const char *params, unsigned process, tune_verdict verdict);
/* What has hung or crashed on the device so far may be tried again. */
void records_retry(const char *device);

typedef bool (*records_alive)(unsigned process);
/* *gone (may be NULL): there is a begin without an end whose process is not alive, so far as was read. It is not judged then;
 * with gone NULL it counts as hung or crashed, for good. */
tune_verdict records_verdict(const char *device, const char *algorithm, const char *params, records_alive alive,
                             bool *gone);
void records_free(void);

#endif
